import KubernetesAPI
import TestSupport
import Testing

@Suite("Kubeconfigs as tools write them")
struct KubeconfigShapeTests {
    private let workbench: Workbench
    /// base64 of "-----BEGIN CERTIFICATE-----\n".
    private static let certificate = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="
    /// base64 of "-----BEGIN RSA PRIVATE KEY-----\n".
    private static let key = "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo="

    init() throws { workbench = try Workbench() }

    private func plugin(_ access: ClusterAccess) throws -> ExecPlugin {
        guard case .exec(let plugin) = access.user.authorization else { throw Missing() }
        return plugin
    }

    private struct Missing: Error {}

    @Test("kind, and k3s with everything called default")
    func embedded() throws {
        for name in ["kind-kind", "default"] {
            let access = try workbench.load(
                """
                apiVersion: v1
                clusters:
                - cluster:
                    certificate-authority-data: \(Self.certificate)
                    server: https://127.0.0.1:42123
                  name: \(name)
                contexts:
                - context:
                    cluster: \(name)
                    user: \(name)
                  name: \(name)
                current-context: \(name)
                kind: Config
                preferences: {}
                users:
                - name: \(name)
                  user:
                    client-certificate-data: \(Self.certificate)
                    client-key-data: \(Self.key)
                """)
            #expect("\(access.server)" == "https://127.0.0.1:42123")
            #expect(access.user.certificate == .data(Array("-----BEGIN CERTIFICATE-----\n".utf8)))
            #expect(access.user.authorization == .none)
        }
    }

    @Test("minikube, with files and extensions")
    func minikube() throws {
        let access = try workbench.load(
            """
            apiVersion: v1
            clusters:
            - cluster:
                certificate-authority: /home/me/.minikube/ca.crt
                extensions:
                - extension:
                    last-update: Mon, 03 Nov 2025 10:00:00 CET
                    provider: minikube.sigs.k8s.io
                    version: v1.37.0
                  name: cluster_info
                server: https://192.168.49.2:8443
              name: minikube
            contexts:
            - context:
                cluster: minikube
                extensions:
                - extension:
                    last-update: Mon, 03 Nov 2025 10:00:00 CET
                  name: context_info
                namespace: default
                user: minikube
              name: minikube
            current-context: minikube
            kind: Config
            users:
            - name: minikube
              user:
                client-certificate: /home/me/.minikube/profiles/minikube/client.crt
                client-key: /home/me/.minikube/profiles/minikube/client.key
            """)
        #expect(access.authorities == .file("/home/me/.minikube/ca.crt"))
        #expect(access.user.key == .file("/home/me/.minikube/profiles/minikube/client.key"))
        #expect(access.namespace == "default")
    }

    @Test("EKS: a name that is an ARN, and the aws command with a profile")
    func eks() throws {
        let name = "arn:aws:eks:eu-central-1:123456789012:cluster/prod"
        let access = try workbench.load(
            """
            apiVersion: v1
            clusters:
            - cluster:
                certificate-authority-data: \(Self.certificate)
                server: https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com
              name: \(name)
            contexts:
            - context:
                cluster: \(name)
                user: \(name)
              name: \(name)
            current-context: \(name)
            kind: Config
            preferences: {}
            users:
            - name: \(name)
              user:
                exec:
                  apiVersion: client.authentication.k8s.io/v1beta1
                  args:
                  - --region
                  - eu-central-1
                  - eks
                  - get-token
                  - --cluster-name
                  - prod
                  - --output
                  - json
                  command: aws
                  env:
                  - name: AWS_PROFILE
                    value: work
            """)
        let plugin = try plugin(access)
        #expect(access.server.host == "0123456789ABCDEF0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com")
        #expect(access.server.port == 443)
        #expect(plugin.command == "aws")
        #expect(plugin.arguments.count == 8)
        #expect(plugin.environment == ["AWS_PROFILE": "work"])
        #expect(plugin.interactiveMode == .ifAvailable)
    }

    @Test("GKE: a plug-in that wants to know the cluster")
    func gke() throws {
        let name = "gke_project_europe-west1_prod"
        let access = try workbench.load(
            """
            apiVersion: v1
            clusters:
            - cluster:
                certificate-authority-data: \(Self.certificate)
                server: https://34.1.2.3
              name: \(name)
            contexts:
            - context: {cluster: \(name), user: \(name)}
              name: \(name)
            current-context: \(name)
            kind: Config
            preferences: {}
            users:
            - name: \(name)
              user:
                exec:
                  apiVersion: client.authentication.k8s.io/v1beta1
                  command: gke-gcloud-auth-plugin
                  installHint: Install gke-gcloud-auth-plugin for use with kubectl by following
                    https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl#install_plugin
                  provideClusterInfo: true
            """)
        let plugin = try plugin(access)
        #expect(plugin.providesClusterInfo)
        #expect(plugin.clusterConfig == nil)
        #expect(plugin.installHint?.hasPrefix("Install gke-gcloud-auth-plugin") == true)
    }

    @Test("AKS: kubelogin with null where there is nothing")
    func aks() throws {
        let access = try workbench.load(
            """
            apiVersion: v1
            clusters:
            - cluster:
                certificate-authority-data: \(Self.certificate)
                server: https://prod-dns-1a2b3c4d.hcp.westeurope.azmk8s.io:443
              name: prod
            contexts:
            - context:
                cluster: prod
                user: clusterUser_group_prod
              name: prod
            current-context: prod
            kind: Config
            preferences: {}
            users:
            - name: clusterUser_group_prod
              user:
                exec:
                  apiVersion: client.authentication.k8s.io/v1beta1
                  args:
                  - get-token
                  - --environment
                  - AzurePublicCloud
                  - --server-id
                  - 6dae42f8-4368-4678-94ff-3960e28e3630
                  - --login
                  - devicecode
                  command: kubelogin
                  env: null
                  installHint: |2

                    kubelogin is not installed which is required to connect to AAD enabled cluster.

                    To learn more, please go to https://aka.ms/aks/kubelogin
                  interactiveMode: IfAvailable
                  provideClusterInfo: false
            """)
        let plugin = try plugin(access)
        #expect("\(access.server)" == "https://prod-dns-1a2b3c4d.hcp.westeurope.azmk8s.io")
        #expect(plugin.environment.isEmpty)
        #expect(!plugin.providesClusterInfo)
    }

    @Test("kubeadm's for kube-proxy: the token of its pod")
    func kubeProxy() throws {
        let access = try workbench.load(
            """
            apiVersion: v1
            kind: Config
            clusters:
            - cluster:
                certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
                server: https://10.0.0.10:6443
              name: default
            contexts:
            - context:
                cluster: default
                namespace: default
                user: default
              name: default
            current-context: default
            users:
            - name: default
              user:
                tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
            """)
        #expect(
            access.user.authorization
                == .tokenFile("/var/run/secrets/kubernetes.io/serviceaccount/token", first: nil))
    }
}
