import Foundation
import Testing
import TicketAPI

@Suite("Files are read anew when they have settled")
struct FileWatchTests {
    private func mark(_ bytes: Int64, at seconds: Int64, changed: Int64 = 0) -> FileMark {
        FileMark(inode: 1, bytes: bytes, modified: seconds, changed: changed)
    }

    @Test("A change is read at the second look that finds it, and once")
    func settles() {
        var watch = FileWatch([mark(1, at: 1), mark(1, at: 1)])
        func look(_ marks: [FileMark?]) -> Bool { watch.look(marks) }
        #expect(!look([mark(1, at: 1), mark(1, at: 1)]))
        // It is being written: each look finds more.
        for bytes in 2...4 { #expect(!look([mark(Int64(bytes), at: 2), mark(1, at: 1)])) }
        let settled = [mark(4, at: 2), mark(1, at: 1)]
        #expect(look(settled))
        watch.know(settled)
        #expect(!look(settled) && !look(settled))
        // The other file.
        let other = [mark(4, at: 2), mark(1, at: 3)]
        #expect(!look(other))
        #expect(look(other))
    }

    @Test("A file that goes is a change, too, and one that comes back as it was is none")
    func missing() {
        var watch = FileWatch([mark(1, at: 1)])
        func look(_ marks: [FileMark?]) -> Bool { watch.look(marks) }
        #expect(!look([nil]))
        #expect(!look([mark(1, at: 1)]))
        #expect(!look([nil]))
        #expect(look([nil]))
        watch.know([nil])
        #expect(!look([nil]))
        #expect(!look([mark(2, at: 9)]))
        #expect(look([mark(2, at: 9)]))
    }

    @Test("Files that could not be used are read again once a minute, and soon when they or their permissions change")
    func refused() {
        let bad = [mark(1, at: 2)]
        var watch = FileWatch([mark(1, at: 1)])
        func looks(_ count: Int, _ marks: [FileMark?]) -> [Bool] { (0..<count).map { _ in watch.look(marks) } }
        for _ in 0..<2 {
            watch.refuse(bad)
            #expect(looks(FileWatch.patience, bad) == Array(repeating: false, count: FileWatch.patience - 1) + [true])
        }
        watch.refuse(bad)
        let readable = [mark(1, at: 2, changed: 3)]
        #expect(looks(2, readable) == [false, true])
        watch.know(readable)
        #expect(!looks(FileWatch.patience + 1, readable).contains(true))
    }
}

@Suite("The file of a unix socket is removed by who made it")
struct UnixSocketTests {
    /// Runs the body with the path of no file.
    private func withPath(_ body: (String) throws -> Void) throws {
        let folder = "/tmp/holdfast-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder + "/http.sock")
    }

    @Test("It goes with its service")
    func own() throws {
        try withPath { path in
            let socket = try UnixSocket(path: path, mode: 0o600)
            defer { close(socket.descriptor) }
            socket.remove()
            #expect(FileMark(path) == nil)
        }
    }

    @Test("It stays if it is another one, also with the inode of the first")
    func other() throws {
        try withPath { path in
            let socket = try UnixSocket(path: path, mode: 0o600)
            defer { close(socket.descriptor) }
            let made = FileMark(path)
            // A change stands for another file with the same inode; the system's clock for files has ticks.
            let limit = ContinuousClock.now + .seconds(60)
            while FileMark(path) == made, ContinuousClock.now < limit { chmod(path, 0o600) }
            #expect(FileMark(path) != made)
            socket.remove()
            #expect(FileMark(path) != nil)
        }
    }
}
