// Swift cannot prove that its global stream variables are constant. Nobody changes them.
@preconcurrency internal import CLibrary

/// Opens the null device for each of standard input, output and error that is closed. Otherwise the next file that is
/// opened, perhaps the ledger, would get its number and the text for people.
func openStandardDescriptors() {
    // A file gets the lowest free number.
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
        _ = open("/dev/null", O_RDWR)
    }
}

/// Writes out what was printed.
func flushStandardOutput() {
    fflush(stdout)
}

/// Writes out what was printed, and checks that all of it was written: a command must not report success on a full disk.
///
/// - Throws: ``Failure`` if something that was printed since the start could not be written.
func finishStandardOutput() throws {
    let failed = fflush(stdout)
    let code = errno
    if failed != 0 { throw Failure.output(String(cString: strerror(code))) }
    // An earlier write failed, for a reason that is no longer known.
    if ferror(stdout) != 0 { throw Failure.output("some of it was not written") }
}

extension Failure {
    fileprivate static func output(_ reason: String) -> Failure {
        Failure("cannot write standard output: \(reason)", status: cannotCreate)
    }
}
