internal import Foundation

extension EmbeddedStore {
    /// Makes the directory and those that it is in, if they are not there.
    static func makeDirectory(_ path: String) throws(LedgerError) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += made.isEmpty && part.isEmpty ? "/" : (made.isEmpty || made == "/" ? "" : "/") + part
            if mkdir(made, 0o700) != 0, errno != EEXIST {
                throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
            }
        }
    }
}
