#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Sends on what was printed, without naming the C library's global stream variable, which Swift cannot vouch for.
func flushStandardOutput() {
    fflush(nil)
}
