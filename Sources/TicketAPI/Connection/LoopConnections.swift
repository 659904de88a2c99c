/// The open connections of one event loop, and which of them there is room for.
final class LoopConnections {
    private let room: ConnectionRoom
    private let mostSpares: Int
    private var all: [FastPathHandler] = []
    /// Those that there is no room for, the oldest first.
    private var spares: [FastPathHandler] = []

    init(_ room: ConnectionRoom, mostSpares: Int) {
        self.room = room
        self.mostSpares = mostSpares
    }

    func add(_ handler: FastPathHandler) {
        handler.index = all.count
        all.append(handler)
    }

    func remove(_ handler: FastPathHandler) {
        switch handler.standing {
        case .new: break
        case .counted: room.leave(handler.origin.bounded)
        case .spare: spares.removeAll { $0 === handler }
        }
        let last = all.removeLast()
        guard last !== handler else { return }
        all[handler.index] = last
        last.index = handler.index
    }

    /// Finds out whether there is room for a connection. Where there is not, it becomes a spare one, and the oldest of
    /// these is closed if there are many: a connection that comes for a probe asks at once.
    ///
    /// - Returns: whether there is room.
    @discardableResult
    func admit(_ handler: FastPathHandler) -> Bool {
        guard let shortage = room.take(handler.origin.bounded) else {
            if handler.standing != .new { spares.removeAll { $0 === handler } }
            handler.standing = .counted
            return true
        }
        if handler.standing == .new {
            spares.append(handler)
            room.countBeyond()
            if spares.count > mostSpares { spares.removeFirst().closeAtOnce() }
        }
        handler.standing = .spare(shortage)
        return false
    }

    func everySecond(at tick: UInt32) {
        room.tell(at: tick)
        // A copy: a connection that is closed leaves the list.
        for handler in all { handler.everySecond() }
    }

    /// Closes every connection with everything that is owed on it.
    func closeAll() {
        for handler in all { handler.closeAtOnce() }
    }
}
