#if canImport(Glibc)
    // Its global stream variables are no constants to Swift, which cannot vouch for them; nobody changes them.
    @preconcurrency internal import Glibc
#elseif canImport(Musl)
    @preconcurrency internal import Musl
#elseif canImport(Darwin)
    @preconcurrency internal import Darwin
#endif

/// Opens the null device in place of standard input, output and error where they are closed: else the next file that is
/// opened, a ledger perhaps, would be it, and get what is said to people.
func openStandardDescriptors() {
    // A file gets the lowest number that is free.
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
        _ = open("/dev/null", O_RDWR)
    }
}

/// Sends on what was printed.
func flushStandardOutput() {
    fflush(stdout)
}

/// Sends on what was printed, and says where that failed: a full disk must not look like a command that was done.
///
/// - Throws: ``Failure`` if something that was printed since the start could not be written.
func finishStandardOutput() throws {
    let failed = fflush(stdout)
    let code = errno
    if failed != 0 { throw Failure.output(String(cString: strerror(code))) }
    // An earlier piece; what kept it from being written is not known any more.
    if ferror(stdout) != 0 { throw Failure.output("some of it was not written") }
}

extension Failure {
    fileprivate static func output(_ reason: String) -> Failure {
        Failure("cannot write standard output: \(reason)", status: cannotCreate)
    }
}
