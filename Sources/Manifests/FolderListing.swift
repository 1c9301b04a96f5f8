/// The folders in a folder, as they were when its names were looked at.
struct FolderListing {
    /// Of the folder then; nil if it has to be looked at again, since that failed or another change might leave the
    /// same stamp.
    private let stamp: FolderStamp?
    /// Their paths.
    let folders: [String]
    /// Why they could not be listed. Then ``folders`` are those that were there before.
    let error: FileError?

    /// - Parameters:
    ///   - path: of the folder.
    ///   - earlier: what is known of it.
    /// - Returns: nil if there is no such folder.
    static func of(_ path: String, knowing earlier: FolderListing?) -> FolderListing? {
        switch FileSystem.kind(of: path) {
        case .failure(let error) where error.isMissing: return nil
        case .failure(let error): return FolderListing(stamp: nil, folders: earlier?.folders ?? [], error: error)
        case .success(.file), .success(.stream): return nil
        case .success(.folder(let stamp)):
            if let earlier, earlier.stamp == stamp { return earlier }
            switch FileSystem.folders(in: path) {
            case .failure(let error): return FolderListing(stamp: nil, folders: earlier?.folders ?? [], error: error)
            case .success(let names):
                let prefix = path.hasSuffix("/") ? path : path + "/"
                let isFresh = stamp.isFresh(at: FileSystem.now())
                return FolderListing(stamp: isFresh ? nil : stamp, folders: names.map { prefix + $0 }, error: nil)
            }
        }
    }

    /// Whether the folder is as it was when this was made.
    func isUpToDate(of path: String) -> Bool {
        guard let stamp, case .success(.folder(let now)) = FileSystem.kind(of: path) else { return false }
        return now == stamp
    }
}
