/// What this build is.
enum Version {
    static let number = "0.1.0-dev"

    static let platform: String = {
        #if arch(x86_64)
            "linux/amd64"
        #elseif arch(arm64)
            "linux/arm64"
        #else
            "linux"
        #endif
    }()

    #if DEBUG
        static let build = "debug"
    #else
        static let build = "release"
    #endif

    static let description = "portico \(number) (\(platform), \(build))"
}
