extension KubeconfigEntry {
    /// As whom to speak.
    func userAccess() throws(KubeconfigError) -> UserAccess {
        let record = try decode(UserRecord.self)
        var user = UserAccess()
        user.certificate = try pem(
            data: record.certificateData, "client-certificate-data", file: record.certificate, "CERTIFICATE")
        user.key = try pem(data: record.keyData, "client-key-data", file: record.key, "PRIVATE KEY")
        if user.certificate == nil {
            // A key alone is of no use, and of no harm.
            user.key = nil
        } else if user.key == nil {
            let field = record.certificateData.content == nil ? "client-certificate" : "client-certificate-data"
            throw error(field: field, "expected client-key or client-key-data beside it, found neither")
        }
        user.authorization = try authorization(record, hasCertificate: user.certificate != nil)
        user.impersonation = try impersonation(record)
        return user
    }

    private func authorization(
        _ record: UserRecord, hasCertificate: Bool
    ) throws(KubeconfigError) -> UserAccess.Authorization {
        let token = record.token.map { $0.trimmed }.content
        let hasLogin = record.username.content != nil || record.password.content != nil
        if token != nil, hasLogin {
            throw error(
                field: "token", "more than one authentication method found: token, and username with password; keep one"
            )
        }
        if let token { try checkHeader("token", token) }
        if let file = record.tokenFile.content { return .tokenFile(whole(file), first: token) }
        if let token { return .token(token) }
        if hasLogin { return .basic(user: record.username ?? "", password: record.password ?? "") }
        // A certificate says who it is, so that nobody needs to be asked.
        if hasCertificate { return .none }
        if let exec = record.exec { return .exec(try plugin(exec)) }
        if let provider = record.authProvider { return .token(try idToken(provider)) }
        return .none
    }

    private func impersonation(_ record: UserRecord) throws(KubeconfigError) -> Impersonation? {
        let others = [
            ("as-uid", record.impersonatedUID.content != nil),
            ("as-groups", record.impersonatedGroups?.isEmpty == false),
            ("as-user-extra", record.impersonatedExtra?.isEmpty == false),
        ]
        guard let name = record.impersonatedUser.content else {
            guard let field = others.first(where: \.1)?.0 else { return nil }
            throw error(field: field, "expected as beside it: nobody is named to be impersonated")
        }
        var impersonation = Impersonation(user: name)
        impersonation.uid = record.impersonatedUID.content
        impersonation.groups = record.impersonatedGroups ?? []
        impersonation.extra = record.impersonatedExtra ?? [:]
        try checkHeader("as", name)
        try checkHeader("as-uid", impersonation.uid ?? "")
        for group in impersonation.groups { try checkHeader("as-groups", group) }
        for value in impersonation.extra.values.joined() { try checkHeader("as-user-extra", value) }
        return impersonation
    }

    /// What goes into a header must not end it.
    private func checkHeader(_ field: String, _ value: String) throws(KubeconfigError) {
        guard value.isHeaderValue else {
            throw error(field: field, "expected text on one line, found a control character in it")
        }
    }

    // MARK: Programs

    private func plugin(_ record: ExecRecord) throws(KubeconfigError) -> ExecPlugin {
        let versions = [ExecPlugin.Version.v1, .v1beta1]
        let name = record.apiVersion ?? ""
        guard let version = ExecPlugin.Version(rawValue: name) else {
            let known = versions.map(\.rawValue).joined(separator: " or ")
            throw error(
                field: "exec.apiVersion",
                "exec plugin: invalid apiVersion \"\(name)\", expected \(known); newer versions of the program have one of them"
            )
        }
        guard let command = record.command.content else {
            throw error(field: "exec.command", "expected the name or path of a program, found none")
        }
        var plugin = ExecPlugin(version, command: command.contains("/") ? whole(command) : command)
        plugin.arguments = record.args ?? []
        for variable in record.env ?? [] {
            guard !variable.name.isEmpty, !variable.name.contains("=") else {
                throw error(field: "exec.env", "expected the name of a variable, found \"\(variable.name)\"")
            }
            plugin.environment[variable.name] = variable.value ?? ""
        }
        plugin.installHint = record.installHint.content
        plugin.providesClusterInfo = record.provideClusterInfo ?? false
        if let mode = record.interactiveMode.content {
            guard let known = ExecPlugin.InteractiveMode(rawValue: mode) else {
                throw error(
                    field: "exec.interactiveMode", "expected Never, IfAvailable or Always, found \"\(mode)\"")
            }
            plugin.interactiveMode = known
        } else if version == .v1 {
            throw error(field: "exec.interactiveMode", "expected Never, IfAvailable or Always, found none")
        }
        return plugin
    }

    /// What was before such programs. Only the one for OpenID Connect has its token in the file.
    private func idToken(_ record: AuthProviderRecord) throws(KubeconfigError) -> String {
        let name = record.name ?? ""
        let program: String
        switch name {
        case "oidc":
            let token = record.config?["id-token"]?.trimmed ?? ""
            guard token.isEmpty else {
                try checkHeader("auth-provider.config.id-token", token)
                return token
            }
            throw error(
                field: "auth-provider.config",
                "expected id-token, found none; kubelogin (kubectl oidc-login) gets one when it is needed, as exec plugin"
            )
        case "gcp": program = "gke-gcloud-auth-plugin"
        case "azure": program = "kubelogin (kubelogin convert-kubeconfig)"
        default:
            throw error(
                field: "auth-provider.name",
                "expected oidc, found \"\(name)\"; a program as exec plugin can do the same")
        }
        throw error(
            field: "auth-provider.name",
            "expected oidc, found \"\(name)\", which Kubernetes has removed in 1.26; use the exec plugin \(program)")
    }
}

extension String {
    /// Without white space around it, such as the line break at the end of a file.
    var trimmed: String {
        let from = drop(while: \.isWhitespace)
        return String(from[..<(from.lastIndex { !$0.isWhitespace }.map(from.index(after:)) ?? from.startIndex)])
    }

    /// That it can be sent as the value of a header, and is one.
    var isHeaderValue: Bool { utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
}
