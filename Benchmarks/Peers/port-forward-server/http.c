// What is asked before a port-forward, and its upgrade.
#include "server.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static int pod_count, target_count;
static const uint16_t *pod_targets;
static char *service, *services, *slices, *pods;

#define METADATA "\"namespace\":\"default\",\"resourceVersion\":\"1\",\"creationTimestamp\":\"2024-01-01T00:00:00Z\""
#define LIST "\"metadata\":{\"resourceVersion\":\"1\"},\"items\":["

static void print_ports(FILE *out, const char *number, bool is_service) {
    for (int i = 0; i < target_count; i++) {
        fprintf(out, "%s{\"name\":\"p%d\",\"protocol\":\"TCP\",", i ? "," : "", i);
        if (is_service) fprintf(out, "\"port\":%d,", 80 + i);
        fprintf(out, "\"%s\":%u}", number, pod_targets[i]);
    }
}

static void print_pod(FILE *out, int number) {
    fprintf(out,
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web-%d\",\"uid\":\"%d\",\"labels\":{\"app\":\"web\"},"
        METADATA "},\"spec\":{\"nodeName\":\"node\",\"containers\":[{\"name\":\"web\",\"image\":\"web\",\"ports\":[",
        number, number);
    print_ports(out, "containerPort", false);
    fprintf(out,
        "]}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"192.0.2.%d\",\"podIPs\":[{\"ip\":\"192.0.2.%d\"}],\"conditions\":["
        "{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":\"2024-01-01T00:00:00Z\"}]}}",
        number, number);
}

void make_objects(int count, const uint16_t *targets, int targets_count) {
    pod_count = count;
    pod_targets = targets;
    target_count = targets_count;
    size_t size;
    FILE *out = open_memstream(&service, &size);
    fprintf(out,
        "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\",\"uid\":\"web\"," METADATA
        "},\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"10.96.0.10\",\"clusterIPs\":[\"10.96.0.10\"],"
        "\"selector\":{\"app\":\"web\"},\"ports\":[");
    print_ports(out, "targetPort", true);
    fprintf(out, "]},\"status\":{\"loadBalancer\":{}}}");
    fclose(out);

    out = open_memstream(&services, &size);
    fprintf(out, "{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\"," LIST "%s]}", service);
    fclose(out);

    out = open_memstream(&pods, &size);
    fprintf(out, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\"," LIST);
    for (int i = 1; i <= pod_count; i++) {
        if (i > 1) fputc(',', out);
        print_pod(out, i);
    }
    fprintf(out, "]}");
    fclose(out);

    out = open_memstream(&slices, &size);
    fprintf(out,
        "{\"kind\":\"EndpointSliceList\",\"apiVersion\":\"discovery.k8s.io/v1\"," LIST
        "{\"metadata\":{\"name\":\"web-1\",\"uid\":\"web-1\",\"labels\":{\"kubernetes.io/service-name\":\"web\"}," METADATA
        "},\"addressType\":\"IPv4\",\"ports\":[");
    print_ports(out, "port", false);
    fprintf(out, "],\"endpoints\":[");
    for (int i = 1; i <= pod_count; i++)
        fprintf(out,
            "%s{\"addresses\":[\"192.0.2.%d\"],\"conditions\":{\"ready\":true,\"serving\":true,\"terminating\":false},"
            "\"nodeName\":\"node\",\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"default\",\"name\":\"web-%d\"}}",
            i > 1 ? "," : "", i, i);
    fprintf(out, "]}]}");
    fclose(out);
}

// MARK: Answers

static void say(struct connection *connection, const char *text) {
    size_t size = strlen(text);
    memcpy(room(connection, size), text, size);
    produced(connection, size);
}

static bool answer_with(struct connection *connection, const char *status, const char *body) {
    char head[256];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status,
        strlen(body));
    say(connection, head);
    say(connection, body);
    return true;
}

static bool refuse(struct connection *connection, int code, const char *status, const char *reason) {
    char body[512];
    snprintf(body, sizeof body,
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"%s\","
        "\"reason\":\"%s\",\"code\":%d}", reason, reason, code);
    return answer_with(connection, status, body);
}

static const char *resources =
    "{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":["
    "{\"name\":\"pods\",\"singularName\":\"pod\",\"namespaced\":true,\"kind\":\"Pod\",\"verbs\":[\"get\",\"list\",\"watch\"],"
    "\"shortNames\":[\"po\"]},{\"name\":\"services\",\"singularName\":\"service\",\"namespaced\":true,\"kind\":\"Service\","
    "\"verbs\":[\"get\",\"list\",\"watch\"],\"shortNames\":[\"svc\"]}]}";
static const char *groups = "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[]}";
static const char *versions =
    "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":"
    "[{\"clientCIDR\":\"0.0.0.0/0\",\"serverAddress\":\"127.0.0.1\"}]}";

/// SHA-1, which the answer to a WebSocket's key needs; RFC 3174.
static void sha1(const unsigned char *bytes, size_t size, unsigned char *digest) {
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char padded[256] = {0};
    size_t total = (size + 9 + 63) / 64 * 64;
    memcpy(padded, bytes, size);
    padded[size] = 0x80;
    padded[total - 2] = (unsigned char)(size * 8 >> 8);
    padded[total - 1] = (unsigned char)(size * 8);
#define TURN(value, by) ((value) << (by) | (value) >> (32 - (by)))
    for (const unsigned char *block = padded; block < padded + total; block += 64) {
        uint32_t w[80], v[5];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8
                | block[4 * i + 3];
        for (int i = 16; i < 80; i++) w[i] = TURN(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        memcpy(v, h, sizeof v);
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20 ? (v[1] & v[2]) | (~v[1] & v[3])
                : i >= 40 && i < 60 ? (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]) : v[1] ^ v[2] ^ v[3];
            static const uint32_t k[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
            uint32_t next = TURN(v[0], 5) + f + v[4] + k[i / 20] + w[i];
            v[4] = v[3], v[3] = v[2], v[2] = TURN(v[1], 30), v[1] = v[0], v[0] = next;
        }
        for (int i = 0; i < 5; i++) h[i] += v[i];
    }
    for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

/// The value of a header, up to its line's end, or NULL.
static const char *header(const char *head, const char *name, size_t *size) {
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, strlen(name)) != 0 || line[2 + strlen(name)] != ':') continue;
        const char *value = line + 3 + strlen(name);
        value += strspn(value, " ");
        *size = strcspn(value, "\r");
        return value;
    }
    return NULL;
}

static bool upgrade(struct connection *connection, const char *head, bool is_post) {
    char answer[512];
    size_t size;
    const char *key = header(head, "Sec-WebSocket-Key", &size);
    if (is_post) {
        snprintf(answer, sizeof answer,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
            "X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n");
    } else {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char text[128], accept[29] = {0};
        unsigned char digest[21] = {0};
        if (!key || size > 64) return refuse(connection, 400, "400 Bad Request", "Upgrade request required");
        snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)size, key);
        sha1((unsigned char *)text, strlen(text), digest);
        for (int i = 0; i < 28; i++) {
            int bit = i * 6, two = digest[bit / 8] << 8 | (bit / 8 < 20 ? digest[bit / 8 + 1] : 0);
            accept[i] = i == 27 ? '=' : digits[two >> (10 - bit % 8) & 63];
        }
        snprintf(answer, sizeof answer,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n", accept);
    }
    say(connection, answer);
    connection->protocol = is_post ? spdy : websocket;
    begin_spdy(connection);
    return true;
}

static bool is_asked(const char *target, const char *what) { return strstr(target, what) != NULL; }

bool answer(struct connection *connection, char *head) {
    char method[8], target[1024];
    if (sscanf(head, "%7s %1023s", method, target) != 2) return false;
    char *query = strchr(target, '?');
    if (query) *query++ = 0;
    else query = "";
    char *name = strrchr(target, '/') + 1;

    if (strcmp(name, "portforward") == 0) return upgrade(connection, head, strcmp(method, "POST") == 0);
    if (strcmp(method, "GET") != 0) return refuse(connection, 405, "405 Method Not Allowed", "MethodNotAllowed");
    if (is_asked(query, "watch=true") || is_asked(query, "watch=1")) {
        // As servers from before 1.27 do: a list comes first, and then a watch.
        if (is_asked(query, "sendInitialEvents")) return refuse(connection, 422, "422 Unprocessable Entity", "Invalid");
        connection->protocol = watching;
        say(connection, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
        return true;
    }
    if (strcmp(target, "/api") == 0) return answer_with(connection, "200 OK", versions);
    if (strcmp(target, "/apis") == 0) return answer_with(connection, "200 OK", groups);
    if (strcmp(target, "/api/v1") == 0) return answer_with(connection, "200 OK", resources);
    if (strcmp(name, "services") == 0) return answer_with(connection, "200 OK", services);
    if (is_asked(target, "/services/web")) return answer_with(connection, "200 OK", service);
    if (strcmp(name, "endpointslices") == 0) return answer_with(connection, "200 OK", slices);
    if (strcmp(name, "pods") == 0) return answer_with(connection, "200 OK", pods);
    int number = strncmp(name, "web-", 4) == 0 && is_asked(target, "/pods/") ? atoi(name + 4) : 0;
    if (number < 1 || number > pod_count) return refuse(connection, 404, "404 Not Found", "NotFound");
    char body[4096];
    FILE *out = fmemopen(body, sizeof body, "w");
    print_pod(out, number);
    fclose(out);
    return answer_with(connection, "200 OK", body);
}
