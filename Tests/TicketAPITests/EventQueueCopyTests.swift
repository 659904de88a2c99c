import BoxOffice
import Testing
import TicketAPI
import TicketStore

@Suite("A node's copy of a queue follows the store, and takes nothing back")
struct EventQueueCopyTests {
    private let store: CoreStore
    private let copy: EventQueueCopy
    private var view: QueueView
    private let moment: Moment

    init() async throws {
        struct NotOpen: Error {}
        let main = Code("main")!
        let store = try CoreStore()
        var definition = try #require(store.event(main)).definition
        definition.queue = QueueTerms()
        _ = await store.perform(.define(definition))
        let opened = await store.perform(.queue(main, .open(secret: [UInt8](repeating: 5, count: 32))))
        guard case .decided(.queue(.changed(let view, _)), let moment) = opened else { throw NotOpen() }
        self.store = store
        self.view = view
        self.moment = moment
        copy = EventQueueCopy(main, view, receiptKeys: [], at: moment, uptime: { store.uptime })
    }

    private var lost: [QueueLife] { [QueueLife(first: 2_000, since: moment.wall)] }

    @Test("An answer that was decided earlier takes no head back, unless the store lost facts")
    mutating func order() {
        (view.phase, view.joined, view.head) = (.moving, 20, 10)
        copy.take(view, at: moment)
        (view.joined, view.head) = (19, 8)
        copy.take(view, at: moment)
        #expect(copy.view.head == 10 && copy.view.joined == 20)
        view.lives = lost
        copy.take(view, at: moment)
        #expect(copy.view.head == 8 && copy.view.joined == 19)
    }

    @Test("A store that lost its draw and drew again is believed, and an answer from before the draw is not")
    mutating func redrawn() throws {
        (view.phase, view.joined, view.count, view.beacon) = (.moving, 8, 8, .notAnnounced)
        copy.take(view, at: moment)
        #expect(copy.position(of: EntryNumber(0)) == nil)
        copy.take(try #require(copy.missingDraw).drawn)
        #expect(copy.missingDraw == nil)
        #expect(Set((0..<8).map { copy.position(of: EntryNumber($0)) }) == Set((0..<8).map { Optional($0) }))
        var earlier = view
        (earlier.phase, earlier.count, earlier.beacon) = (.gathering, nil, nil)
        copy.take(earlier, at: moment)
        #expect(copy.view == view)
        (view.joined, view.count, view.lives) = (30, 20, lost)
        copy.take(view, at: moment)
        #expect(copy.position(of: EntryNumber(0)) == nil, "the old order is not the store's")
        copy.take(try #require(copy.missingDraw).drawn)
        #expect(Set((0..<20).map { copy.position(of: EntryNumber($0)) }) == Set((0..<20).map { Optional($0) }))
        view.beacon = .missed
        copy.take(view, at: moment)
        #expect(copy.missingDraw != nil)
    }

    @Test("An entry whose turn began is not told that it waits, whatever order this node knows")
    mutating func begun() {
        (view.phase, view.joined, view.head) = (.moving, 9, 3)
        copy.take(view, at: moment)
        let number = EntryNumber(5)
        copy.noteJoin(QueueEntry(number: number, state: .waiting), at: moment)
        #expect(copy.waiting(number)?.ahead == 2)
        let end = moment.office.advanced(by: .seconds(9))
        copy.note(QueueEntry(number: number, position: 5, state: .called, ahead: 0, turnEndsAt: end))
        #expect(copy.waiting(number) == nil)
    }

    @Test("A queue that is over and at which nobody looks is asked about every ten seconds")
    mutating func idle() {
        for _ in 0..<3 { #expect(copy.isDue()) }
        view.phase = .over
        copy.take(view, at: moment)
        for _ in 0..<119 {
            store.pass(.seconds(1))
            #expect(copy.isDue())
        }
        store.pass(.seconds(1))
        let asked = (0..<30).filter { _ in
            store.pass(.seconds(1))
            return copy.isDue()
        }
        #expect(asked.count == 3, "\(asked)")
        copy.noteJoin(QueueEntry(number: EntryNumber(0), state: .waiting), at: moment)
        for _ in 0..<3 { #expect(copy.isDue()) }
    }
}
