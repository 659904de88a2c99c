/// SHA-256 (FIPS 180-4). The core imports nothing, and needs it for ``QueueDraw``, which a store must be able to repeat.
///
/// Four messages at a time, one in each lane of a vector: a draw hashes a number of every person who waits.
enum SHA256 {
    static let byteCount = 32
    static let blockBytes = 64
    typealias Lanes = SIMD4<UInt32>

    static let start: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]

    static let constants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ]

    /// The 32 bytes of the hash of `message`.
    static func hash(_ message: [UInt8]) -> [UInt8] {
        var padded = message + [0x80]
        while padded.count % blockBytes != blockBytes - 8 { padded.append(0) }
        padded += bytes(UInt64(message.count) * 8)
        var state = start.map { Lanes(repeating: $0) }
        var words = [Lanes](repeating: .zero, count: 64)
        for block in stride(from: 0, to: padded.count, by: blockBytes) {
            for word in 0..<16 {
                let at = block + word * 4
                words[word] = Lanes(repeating: padded[at..<at + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
            }
            words.withUnsafeMutableBufferPointer { words in
                state.withUnsafeMutableBufferPointer { add(words, to: $0) }
            }
        }
        return state.flatMap { word in
            stride(from: UInt32(24), through: 0, by: -8).map { UInt8(truncatingIfNeeded: word[0] >> $0) }
        }
    }

    /// Eight bytes, the highest first.
    static func bytes(_ number: UInt64) -> [UInt8] {
        stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    /// Adds a block to the state of a hash, in all lanes.
    ///
    /// - Parameters:
    ///   - words: 64 of them, the first 16 of which are the block; the others are written here.
    ///   - state: eight words.
    static func add(_ words: UnsafeMutableBufferPointer<Lanes>, to state: UnsafeMutableBufferPointer<Lanes>) {
        for index in 16..<64 {
            let (early, late) = (words[index - 15], words[index - 2])
            let first = rotated(early, 7) ^ rotated(early, 18) ^ early &>> 3
            let second = rotated(late, 17) ^ rotated(late, 19) ^ late &>> 10
            words[index] = words[index - 16] &+ first &+ words[index - 7] &+ second
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        constants.withUnsafeBufferPointer { constants in
            for index in 0..<64 {
                let choice = g ^ e & (f ^ g)
                let high = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
                let added = h &+ high &+ choice &+ Lanes(repeating: constants[index]) &+ words[index]
                let majority = a & b | c & (a | b)
                let low = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
                (h, g, f, e, d, c, b, a) = (g, f, e, d &+ added, c, b, a, added &+ low &+ majority)
            }
        }
        for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= word }
    }

    @inline(__always)
    private static func rotated(_ word: Lanes, _ bits: UInt32) -> Lanes {
        word &>> Lanes(repeating: bits) | word &<< Lanes(repeating: 32 - bits)
    }
}
