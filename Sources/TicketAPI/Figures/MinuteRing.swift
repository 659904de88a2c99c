package import BoxOffice

/// A value for each of the last minutes.
struct MinuteRing<Value: Sendable>: Sendable {
    private struct Cell: Sendable {
        var minute: Int64
        var value: Value
    }

    private let empty: Value
    private var cells: [Cell]
    /// The last minute that has a value.
    private(set) var last = Int64.min

    /// - Parameter minutes: how many are kept.
    init(_ minutes: Int, of empty: Value) {
        self.empty = empty
        cells = [Cell](repeating: Cell(minute: .min, value: empty), count: minutes)
    }

    /// Changes the value of a minute, which begins empty.
    mutating func change(at minute: Int64, _ change: (inout Value) -> Void) {
        let index = Int(minute % Int64(cells.count))
        if cells[index].minute != minute { cells[index] = Cell(minute: minute, value: empty) }
        change(&cells[index].value)
        last = max(last, minute)
    }

    /// `nil` if the minute has no value, or is too old.
    func value(at minute: Int64) -> Value? {
        let cell = cells[Int(minute % Int64(cells.count))]
        return cell.minute == minute ? cell.value : nil
    }
}

/// What happened in a minute on one event loop.
struct MinuteCounts: Sendable {
    var holds: UInt32 = 0
    var purchases: UInt32 = 0
    var releases: UInt32 = 0
    /// Requests to hold that were refused.
    var refusals: UInt32 = 0

    /// Repeats and looks change nothing and do not count.
    mutating func count(_ kind: DecisionKind, _ result: DecisionResult) {
        switch kind {
        case .hold where result == .done: holds &+= 1
        case .hold where result.number >= 3: refusals &+= 1
        case .purchase where result == .done || result == .late: purchases &+= 1
        case .release where result == .done: releases &+= 1
        default: break
        }
    }
}

/// What happened to an event in a minute.
package struct MinuteFigures: Sendable, Equatable {
    /// When the minute began.
    package var at: WallTime
    package var holds: UInt64 = 0
    package var purchases: UInt64 = 0
    package var releases: UInt64 = 0
    /// Requests to hold that were refused.
    package var refusals: UInt64 = 0
    /// Holds that expired; `nil` where nobody counted them.
    package var expired: UInt64?
    /// Places held and sold at the end of the minute; `nil` where nobody looked.
    package var held: Int?
    package var sold: Int?
}

extension WallTime {
    /// The minute since 1970.
    var minute: Int64 { milliseconds / 60_000 }
}
