package import NIOCore

/// Operators who are signed in on the operators' pages (R54 Sign-in).
///
/// A value: time and random texts come from outside. It is in memory only, so a restart signs everybody out, and a key is never
/// written anywhere.
package struct SessionTable: Sendable {
    /// Sessions at once. With one more, the oldest ends.
    package static let most = 1_000
    /// Sessions of one key at once: some browsers of one person.
    package static let mostOfKey = 20
    /// What a session remembers that somebody searched for: as many as one goes back to.
    package static let searches = 20
    /// Bytes of one of them; no buyer and no payment has more.
    package static let searchBytes = 1_024
    /// Sent forms that a session remembers: more than one goes back to.
    package static let sentForms = 20
    /// How long a session lasts: a working day.
    package static let life = TimeAmount.hours(12)

    /// A browser that is signed in.
    package struct Session: Sendable, Equatable {
        /// What the operator signed in with; it is looked up with each request, so a revoked key ends its sessions.
        package let credential: String
        /// The key's identifier.
        package let key: String
        /// What each form of the session has to send.
        package let formToken: String
        package let begunAt: NIODeadline
        /// What was searched for, the newest last: names of people, which belong in no address.
        fileprivate var searches: [String] = []
        /// How many came before those.
        fileprivate var searchesForgotten = 0
        /// The last forms that were sent and may count only once, the newest last.
        fileprivate var sentForms: [String] = []

        package init(credential: String, key: String, formToken: String, begunAt: NIODeadline) {
            self.credential = credential
            self.key = key
            self.formToken = formToken
            self.begunAt = begunAt
        }
    }

    /// By the text in the cookie.
    private var sessions: [String: Session] = [:]

    package init() {}

    package var count: Int { sessions.count }

    /// Begins a session.
    ///
    /// - Parameter id: the text in the cookie, which nobody can guess.
    package mutating func begin(_ id: String, _ session: Session) {
        sessions = sessions.filter { Self.isLive($0.value, at: session.begunAt) }
        let ofKey = sessions.filter { $0.value.key == session.key }
        if ofKey.count >= Self.mostOfKey { endOldest(of: ofKey) }
        if sessions.count >= Self.most { endOldest(of: sessions) }
        sessions[id] = session
    }

    private mutating func endOldest(of some: [String: Session]) {
        if let oldest = some.min(by: { $0.value.begunAt < $1.value.begunAt }) { sessions[oldest.key] = nil }
    }

    /// The session of a cookie; `nil` if there is none, or its time is over.
    package func session(_ id: String, at now: NIODeadline) -> Session? {
        sessions[id].flatMap { Self.isLive($0, at: now) ? $0 : nil }
    }

    /// Remembers what somebody searches for.
    ///
    /// - Returns: its number in the session; `nil` if there is no session.
    package mutating func note(search: String, in id: String, at now: NIODeadline) -> Int? {
        guard var session = session(id, at: now) else { return nil }
        session.searches.append(String(decoding: search.utf8.prefix(Self.searchBytes), as: UTF8.self))
        if session.searches.count > Self.searches {
            session.searches.removeFirst()
            session.searchesForgotten += 1
        }
        sessions[id] = session
        return session.searchesForgotten + session.searches.count
    }

    /// What was searched for; `nil` if it is forgotten, or was never asked.
    package func search(_ number: Int, in id: String, at now: NIODeadline) -> String? {
        guard let session = session(id, at: now) else { return nil }
        let (index, overflow) = number.subtractingReportingOverflow(session.searchesForgotten + 1)
        return !overflow && session.searches.indices.contains(index) ? session.searches[index] : nil
    }

    /// Remembers that a form was sent which may count only once.
    ///
    /// - Parameter form: the text that only this form has.
    /// - Returns: whether it is the first time. Without a session it is.
    package mutating func send(form: String, in id: String, at now: NIODeadline) -> Bool {
        guard var session = session(id, at: now) else { return true }
        let form = String(decoding: form.utf8.prefix(Self.searchBytes), as: UTF8.self)
        guard !session.sentForms.contains(form) else { return false }
        session.sentForms = session.sentForms.suffix(Self.sentForms - 1) + [form]
        sessions[id] = session
        return true
    }

    /// Forgets a form that was sent and refused: corrected, it may be sent again.
    package mutating func forget(form: String, in id: String) {
        sessions[id]?.sentForms.removeAll { $0 == form }
    }

    private static func isLive(_ session: Session, at now: NIODeadline) -> Bool {
        now - session.begunAt < life
    }

    /// Signs one browser out.
    package mutating func end(_ id: String) {
        sessions[id] = nil
    }

    /// Signs every browser out that signed in with a key.
    package mutating func endAll(of key: String) {
        sessions = sessions.filter { $0.value.key != key }
    }
}
