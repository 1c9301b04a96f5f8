import Objects

@testable import KubernetesAPI

/// A kubeconfig with each of its contexts, and what a plug-in may write.
func fuzzKubeconfig(_ bytes: [UInt8]) throws(FuzzFailure) {
    _ = try? ExecCredential(String(decoding: bytes, as: UTF8.self), version: .v1)
    let file: KubeconfigFile
    do throws(KubeconfigError) {
        file = try KubeconfigFile(bytes, path: "/folder/config")
    } catch {
        return try check(error, bytes)
    }
    let kubeconfig = Kubeconfig(files: [file])
    // Any number of names leads through the same code.
    for name in [nil, "nowhere"] + file.names(.contexts).prefix(8).map(Optional.some) {
        for master in [nil, "10.0.0.1:6443"] {
            let access: ClusterAccess
            do throws(KubeconfigError) {
                access = try kubeconfig.access(context: name, master: master)
            } catch {
                try check(error, bytes)
                continue
            }
            try check(access)
        }
    }
}

/// What is said is one line, about a line that there is.
private func check(_ error: KubeconfigError, _ bytes: [UInt8]) throws(FuzzFailure) {
    try check(!error.description.contains(where: \.isNewline), "a message is one line: \(error)")
    let lines = 1 + bytes.count { [0x0A, 0x0D, 0x85, 0xA8, 0xA9].contains($0) }
    // A parser may notice at the end, behind the last line.
    if let line = error.line { try check((1...lines + 1).contains(line), "line \(line) of \(lines) has a mistake") }
}

/// Nothing of a file ends a line of a request.
private func check(_ access: ClusterAccess) throws(FuzzFailure) {
    let server = "\(access.server)"
    try check(server.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a URL has plain characters: \(server)")
    try check(!access.server.host.isEmpty && access.server.port > 0, "a server has a host and a port: \(server)")
    try check(access.proxy?.host.isEmpty != true, "a proxy has a host")
    var values = access.user.impersonation?.headers.flatMap { [$0.name, $0.value] } ?? []
    switch access.user.authorization {
    case .token(let token): values.append(token)
    case .tokenFile(let path, let first):
        try check(path.hasPrefix("/"), "a path is whole: \(path)")
        values += first.map { [$0] } ?? []
    case .exec(let plugin): try check(!plugin.command.isEmpty, "a plug-in has a name")
    case .none, .basic: break
    }
    for value in values { try check(value.isHeaderValue, "a header is one line: \(value)") }
    try check((access.user.certificate == nil) == (access.user.key == nil), "a certificate has its key")
    try check(!access.skipsVerification || access.authorities == nil, "either it is verified or not")
}
