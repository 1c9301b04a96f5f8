// SPDY/3.1 as a port-forward uses it, by itself or in the binary messages of a WebSocket, which end anywhere.
#include "server.h"

#include <string.h>

enum { syn_stream = 1, syn_reply = 2, rst_stream = 3, ping = 6, cancel = 5 };
enum { binary = 2, close_message = 8, ping_message = 9, pong_message = 10 };

/// What header blocks are taken to have in common (draft-mbelshe-httpbis-spdy-00, 2.6.10.1): names behind their lengths,
/// then text.
static const char dictionary_names[] =
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin ";
static const char dictionary_text[] =
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug "
    "Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch"
    "charset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

static void put32(unsigned char *to, size_t value) {
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> (24 - 8 * i));
}

static uint32_t get32(const unsigned char *from) {
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static int set_dictionary(z_stream *stream) {
    unsigned char bytes[2048];
    size_t size = 0;
    for (const char *name = dictionary_names; *name;) {
        size_t length = (size_t)(strchr(name, ' ') - name);
        put32(bytes + size, length);
        memcpy(bytes + size + 4, name, length);
        for (size_t i = 0; i < length; i++)
            if (name[i] == '_') bytes[size + 4 + i] = ' ';
        size += 4 + length;
        name += length + 1;
    }
    memcpy(bytes + size, dictionary_text, sizeof dictionary_text - 1);
    return inflateSetDictionary(stream, bytes, (uInt)(size + sizeof dictionary_text - 1));
}

void begin_spdy(struct connection *connection) {
    if (inflateInit(&connection->inflate) != Z_OK) die("inflateInit");
    connection->frame.block = allocate(max_control);
}

void end_spdy(struct connection *connection) {
    for (size_t i = 0; i < connection->stream_count; i++)
        if (connection->streams[i]) end_forward(connection->streams[i]);
    free(connection->streams);
    free(connection->frame.block);
    inflateEnd(&connection->inflate);
}

// MARK: Out

size_t data_offset(const struct connection *connection) { return connection->protocol == websocket ? 12 : 8; }

/// Puts a message's header, if there are messages, in front of `size` bytes that lie 4 behind what `room` returned.
static void send_frame(struct connection *connection, size_t size) {
    unsigned char *start = room(connection, 0);
    if (connection->protocol != websocket) return produced(connection, size);
    start[0] = 0x80 | binary;
    if (size < 126) {
        start[1] = (unsigned char)size;
        memmove(start + 2, start + 4, size);
        return produced(connection, size + 2);
    }
    start[1] = 126;
    start[2] = (unsigned char)(size >> 8);
    start[3] = (unsigned char)size;
    produced(connection, size + 4);
}

void send_data(struct connection *connection, uint32_t stream, size_t size, int flags) {
    unsigned char *header = room(connection, data_offset(connection)) + data_offset(connection) - 8;
    put32(header, stream);
    put32(header + 4, (size_t)flags << 24 | size);
    send_frame(connection, size + 8);
}

static void send_control(struct connection *connection, int type, const void *block, size_t size) {
    unsigned char *header = room(connection, 12 + size) + data_offset(connection) - 8;
    put32(header, 0x80030000 | (size_t)type);
    put32(header + 4, size);
    memcpy(header + 8, block, size);
    send_frame(connection, size + 8);
}

void send_reset(struct connection *connection, uint32_t stream) {
    unsigned char block[8];
    put32(block, stream);
    put32(block + 4, cancel);
    send_control(connection, rst_stream, block, sizeof block);
}

/// Its header block has no headers: four zeros. Stored as they are they need no compressor, only, in front of the first,
/// a stream's beginning, which names the dictionary. Behind them nothing, stored, too: Go waits for such a flush.
static void send_reply(struct connection *connection, uint32_t stream) {
    static const unsigned char beginning[] = {0x78, 0xf9, 0xe3, 0xc6, 0xa7, 0xc2};
    static const unsigned char stored[] = {0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    unsigned char block[4 + sizeof beginning + sizeof stored];
    size_t size = 4;
    put32(block, stream);
    if (!connection->has_replied) {
        memcpy(block + size, beginning, sizeof beginning);
        size += sizeof beginning;
    }
    connection->has_replied = true;
    memcpy(block + size, stored, sizeof stored);
    send_control(connection, syn_reply, block, size + sizeof stored);
}

// MARK: In

static struct forward *forward_of(struct connection *connection, uint32_t stream) {
    return stream >> 1 < connection->stream_count ? connection->streams[stream >> 1] : NULL;
}

static bool take_syn_stream(struct connection *connection, const unsigned char *block, size_t size) {
    unsigned char headers[4096];
    char type[16] = "", request[24] = "", port[8] = "";
    z_stream *stream = &connection->inflate;
    if (size < 10) return false;
    stream->next_in = (unsigned char *)block + 10;
    stream->avail_in = (uInt)(size - 10);
    stream->next_out = headers;
    stream->avail_out = sizeof headers;
    int result = inflate(stream, Z_SYNC_FLUSH);
    if (result == Z_NEED_DICT && set_dictionary(stream) == Z_OK) result = inflate(stream, Z_SYNC_FLUSH);
    size_t length = sizeof headers - stream->avail_out, at = 4;
    if (result != Z_OK || stream->avail_out == 0 || length < 4) return false;
    for (uint32_t count = get32(headers); count > 0; count--) {
        const unsigned char *words[2];
        size_t lengths[2];
        for (int i = 0; i < 2; i++) {
            if (length - at < 4) return false;
            lengths[i] = get32(headers + at);
            words[i] = headers + at + 4;
            if (lengths[i] > length - at - 4) return false;
            at += 4 + lengths[i];
        }
        struct { const char *name; char *value; size_t size; } wanted[] = {
            {"streamtype", type, sizeof type}, {"requestid", request, sizeof request}, {"port", port, sizeof port}};
        for (int i = 0; i < 3; i++)
            if (lengths[0] == strlen(wanted[i].name) && memcmp(words[0], wanted[i].name, lengths[0]) == 0
                && lengths[1] < wanted[i].size) memcpy(wanted[i].value, words[1], lengths[1]);
    }
    uint32_t number = get32(block) & 0x7fffffff;
    send_reply(connection, number);
    open_stream(connection, number, type, request, (uint16_t)atoi(port));
    return true;
}

static bool take_control(struct connection *connection) {
    const unsigned char *header = connection->frame.header, *block = connection->frame.block;
    size_t size = connection->frame.block_size;
    struct forward *forward;
    switch (header[2] << 8 | header[3]) {
    case syn_stream: return take_syn_stream(connection, block, size);
    case rst_stream:
        forward = size >= 8 ? forward_of(connection, get32(block)) : NULL;
        if (forward && forward->data_stream == get32(block)) end_forward(forward);
        return size >= 8;
    case ping:
        if (size == 4 && block[3] & 1) send_control(connection, ping, block, 4);
        return size == 4;
    default: return true;
    }
}

static void take_data(struct connection *connection, const unsigned char *bytes, size_t size) {
    uint32_t stream = get32(connection->frame.header);
    struct forward *forward = forward_of(connection, stream);
    bool is_end = connection->frame.left == 0 && connection->frame.header[4] & fin;
    if (forward && forward->data_stream == stream) to_pod(forward, bytes, size, is_end);
}

static bool take_frames(struct connection *connection, const unsigned char *bytes, size_t size) {
    while (size > 0) {
        bool is_control = connection->frame.header[0] & 0x80;
        size_t part = 0;
        if (connection->frame.header_size < 8) {
            connection->frame.header[connection->frame.header_size++] = *bytes++;
            size--;
            if (connection->frame.header_size < 8) continue;
            is_control = connection->frame.header[0] & 0x80;
            connection->frame.left = get32(connection->frame.header + 4) & 0xffffff;
            connection->frame.block_size = 0;
            if (is_control && connection->frame.left > max_control) return false;
            if (connection->frame.left > 0) continue;
        } else {
            part = size < connection->frame.left ? size : connection->frame.left;
        }
        connection->frame.left -= part;
        if (is_control) {
            memcpy(connection->frame.block + connection->frame.block_size, bytes, part);
            connection->frame.block_size += part;
            if (connection->frame.left == 0 && !take_control(connection)) return false;
        } else {
            take_data(connection, bytes, part);
        }
        if (connection->frame.left == 0) connection->frame.header_size = 0;
        bytes += part;
        size -= part;
    }
    return true;
}

/// Takes the mask off, eight bytes at a time, and turns it for what follows.
static void unmask(unsigned char *bytes, size_t size, unsigned char *mask) {
    uint64_t key, word;
    unsigned char turned[8];
    size_t at = 0;
    memcpy(&key, mask, sizeof key);
    for (; at + sizeof word <= size; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        word ^= key;
        memcpy(bytes + at, &word, sizeof word);
    }
    for (; at < size; at++) bytes[at] ^= mask[at & 3];
    for (size_t i = 0; i < sizeof turned; i++) turned[i] = mask[(i + size) & 3];
    memcpy(mask, turned, sizeof turned);
}

/// One byte of a message's header. False while there are more to come.
static bool take_message_header(struct connection *connection, unsigned char byte) {
    unsigned char *header = connection->message.header;
    header[connection->message.header_size++] = byte;
    if (connection->message.header_size < 2) return false;
    size_t length = header[1] & 127, more = length == 127 ? 8 : length == 126 ? 2 : 0;
    bool is_masked = header[1] & 128;
    if (connection->message.header_size < 2 + more + (is_masked ? 4 : 0)) return false;
    if (more > 0) length = 0;
    for (size_t i = 0; i < more; i++) length = length << 8 | header[2 + i];
    for (size_t i = 0; i < 8; i++) connection->message.mask[i] = is_masked ? header[2 + more + (i & 3)] : 0;
    connection->message.left = length;
    connection->message.header_size = 0;
    return true;
}

static bool take_messages(struct connection *connection, unsigned char *bytes, size_t size) {
    while (size > 0) {
        if (connection->message.left == 0) {
            size--;
            if (!take_message_header(connection, *bytes++)) continue;
            int kind = connection->message.header[0] & 15;
            if (kind == close_message) return false;
            if (kind == ping_message) {
                // No payload is sent back: whoever sends one here only wants to see bytes.
                unsigned char *pong = room(connection, 2);
                pong[0] = 0x80 | pong_message;
                pong[1] = 0;
                produced(connection, 2);
            }
            continue;
        }
        size_t part = size < connection->message.left ? size : connection->message.left;
        connection->message.left -= part;
        unmask(bytes, part, connection->message.mask);
        // Binary, and what continues it.
        if ((connection->message.header[0] & 15) <= binary && !take_frames(connection, bytes, part)) return false;
        bytes += part;
        size -= part;
    }
    return true;
}

bool consume(struct connection *connection, unsigned char *bytes, size_t size) {
    return connection->protocol == websocket ? take_messages(connection, bytes, size)
                                             : take_frames(connection, bytes, size);
}
