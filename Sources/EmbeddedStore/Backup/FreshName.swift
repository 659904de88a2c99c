internal import CLibrary

/// Gives a file or directory a name that nothing has.
package enum FreshName {
    /// Renames `path`, and replaces nothing, also no empty directory that was made a moment ago.
    ///
    /// - Returns: whether it was done; if not, the reason is in `errno`.
    package static func rename(_ path: String, to name: String) -> Bool {
        #if canImport(Darwin)
            if renamex_np(path, name, UInt32(RENAME_EXCL)) == 0 { return true }
            guard errno == ENOTSUP else { return false }
        #else
            // Swift's module of the C library lacks renameat2(2), so it is found by its name.
            typealias Path = UnsafePointer<CChar>
            typealias Call = @convention(c) (CInt, Path, CInt, Path, CUnsignedInt) -> CInt
            let replacesNothing: CUnsignedInt = 1
            if let symbol = dlsym(nil, "renameat2") {
                let call = unsafeBitCast(symbol, to: Call.self)
                if call(AT_FDCWD, path, AT_FDCWD, name, replacesNothing) == 0 { return true }
                guard errno == EINVAL || errno == ENOSYS else { return false }
            }
        #endif
        // The file system cannot say so. Here an empty directory that is made between the two calls is replaced.
        var found = stat()
        guard lstat(name, &found) != 0 else {
            errno = EEXIST
            return false
        }
        return CLibrary.rename(path, name) == 0
    }
}
