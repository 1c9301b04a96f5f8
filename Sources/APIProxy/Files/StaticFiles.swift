internal import Base
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// A folder of which the files are served as they are, with a list for each folder. Nothing outside it is, whatever the
/// path says and wherever a symbolic link leads; links within it are followed.
public struct StaticFiles: Sendable {
    /// Without symbolic links.
    private let folder: String

    /// - Throws: ``ProxyFailure`` if there is no such folder.
    public init(_ folder: String) throws(ProxyFailure) {
        guard let real = realPath(folder), Self.status(real)?.isFolder == true else {
            throw ProxyFailure("--www: \(folder) is no folder that can be read")
        }
        self.folder = real
    }

    /// What a file is as far as it matters here.
    struct Status {
        var isFolder: Bool
        var isFile: Bool
        var size: Int
        var modified: Int
    }

    private static func status(_ path: String) -> Status? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let type = status.st_mode & S_IFMT
        return Status(
            isFolder: type == S_IFDIR, isFile: type == S_IFREG, size: Int(status.st_size),
            modified: Int(status.st_mtim.tv_sec))
    }

    /// The file that a path means, if it is one of ours.
    ///
    /// - Parameter name: decoded, with a slash in front.
    func locate(_ name: String) -> (path: String, status: Status)? {
        guard !name.utf8.contains(0), let real = realPath(folder + name),
            real == folder || real.hasPrefix(folder == "/" ? "/" : folder + "/"), let status = Self.status(real)
        else { return nil }
        return (real, status)
    }

    func answer(_ name: String, _ request: ClientRequest) async throws {
        guard request.method == "GET" || request.method == "HEAD" else {
            let answer = Answer.text(405, "405 Method Not Allowed")
            return try await request.reply.send(Answer(405, answer.headers + [("Allow", "GET, HEAD")], answer.body))
        }
        guard let found = locate(name) else { return try await request.reply.send(.notFound) }
        if found.status.isFolder {
            guard name.hasSuffix("/") else {
                let (path, query) = (request.target.prefix { $0 != "?" }, request.target.drop { $0 != "?" })
                return try await request.reply.send(.moved(to: path + "/" + query, method: request.method))
            }
            if let index = locate(name + "index.html"), index.status.isFile { return try await send(index, request) }
            return try await request.reply.send(list(found.path))
        }
        // A pipe or a device would be waited for.
        guard found.status.isFile, !name.hasSuffix("/") else { return try await request.reply.send(.notFound) }
        try await send(found, request)
    }

    private func send(_ file: (path: String, status: Status), _ request: ClientRequest) async throws {
        let modified = "\(HTTPDate(seconds: file.status.modified))"
        if request.header("if-modified-since") == modified {
            return try await request.reply.send(Answer(304, [("Last-Modified", modified)]))
        }
        let descriptor = open(file.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return try await request.reply.send(.forbidden) }
        defer { close(descriptor) }
        try await request.reply.begin(
            200, nil,
            [
                ("Content-Length", "\(file.status.size)"), ("Content-Type", ContentType.of(file.path)),
                ("Last-Modified", modified), ("Date", "\(HTTPDate.now)"),
            ])
        var sent = 0
        while request.method != "HEAD", sent < file.status.size {
            let (offset, count) = (sent, min(256 << 10, file.status.size - sent))
            let piece = try await NIOThreadPool.singleton.runIfActive {
                [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                    initialized = max(0, pread(descriptor, buffer.baseAddress, count, off_t(offset)))
                }
            }
            // It has become shorter than it was said to be: an answer that breaks off is the only way to say so.
            guard !piece.isEmpty else { throw ProxyFailure("\(file.path) has become shorter") }
            try await request.reply.write(ByteBuffer(bytes: piece))
            sent += piece.count
        }
        try await request.reply.end()
    }

    /// As Go's file server has it.
    private func list(_ path: String) -> Answer {
        var names: [String] = []
        guard let folder = opendir(path) else { return .forbidden }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            names.append(Self.status(path + "/" + name)?.isFolder == true ? name + "/" : name)
        }
        let lines = names.sorted().map { "<a href=\"\($0.inLink)\">\($0.inHTML)</a>\n" }.joined()
        let page = "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n\(lines)</pre>\n"
        return Answer(200, [("Content-Type", "text/html; charset=utf-8")], Array(page.utf8))
    }
}

extension String {
    /// A colon in front of the first slash would make a scheme of what is before it.
    fileprivate var inLink: String {
        let digits = Array("0123456789ABCDEF")
        let link = utf8.reduce(into: "") { text, byte in
            let scalar = Unicode.Scalar(byte)
            if byte < 0x80,
                scalar.properties.isAlphabetic || "0123456789-._~/!$&()*+,;=@".unicodeScalars.contains(scalar)
            {
                text.unicodeScalars.append(scalar)
            } else {
                text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return link.inHTML
    }
}

/// What a file holds, by the end of its name.
enum ContentType {
    static func of(_ path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return "application/octet-stream" }
        return known[name[name.index(after: dot)...].lowercased()] ?? "application/octet-stream"
    }

    private static let known = [
        "css": "text/css; charset=utf-8", "csv": "text/csv; charset=utf-8", "gif": "image/gif",
        "htm": "text/html; charset=utf-8", "html": "text/html; charset=utf-8", "ico": "image/x-icon",
        "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "text/javascript; charset=utf-8", "json": "application/json",
        "map": "application/json", "md": "text/markdown; charset=utf-8", "mjs": "text/javascript; charset=utf-8",
        "pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml", "txt": "text/plain; charset=utf-8",
        "wasm": "application/wasm", "webp": "image/webp", "woff": "font/woff", "woff2": "font/woff2",
        "xml": "text/xml; charset=utf-8", "yaml": "application/x-yaml", "yml": "application/x-yaml",
    ]
}
