import Cryptography
import Testing

@Suite("Hashes, codes, keys and ciphers are the published ones")
struct CryptographyTests {
    @Test(
        "SHA-256, by the examples of FIPS 180-4",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func hash(text: String, hash: String) {
        let bytes = Array(text.utf8)
        #expect(hex(SHA256.hash(bytes)) == hash)
        let words = bytes.withUnsafeBytes { SHA256.words(of: $0) }
        let all = [words.0, words.1, words.2, words.3]
        #expect(hex(all.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }) == hash)
    }

    @Test("HMAC with SHA-256, by the second test of RFC 4231")
    func authenticationCode() {
        let code = SHA256.authenticationCode(for: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(hex(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test("HKDF with SHA-256, by the first test of RFC 5869, of which 42 bytes are published")
    func derivedKey() {
        let key = SHA256.derivedKey(
            from: Array(repeating: 0x0b, count: 22), salt: Array(0x00...0x0c), purpose: Array(0xf0...0xf9))
        #expect(hex(key) == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")
    }

    @Test("Ed25519, by the third test of RFC 8032, 7.1, and nothing else is a signature")
    func signature() {
        let seed = bytes("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
        let message = bytes("af82")
        let key = Ed25519(seed: seed)
        #expect(hex(key.publicKey) == "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
        let signature = key.signature(of: message)
        #expect(
            hex(signature)
                == "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")
        #expect(Ed25519.isValid(signature, of: message, by: key.publicKey))
        #expect(!Ed25519.isValid(signature, of: bytes("af83"), by: key.publicKey))
        #expect(!Ed25519.isValid(signature, of: message, by: Ed25519(seed: message + seed.dropLast(2)).publicKey))
        #expect(!Ed25519.isValid(Array(signature.dropLast()), of: message, by: key.publicKey))
        #expect(!Ed25519.isValid(signature, of: message, by: []))
    }

    private func bytes(_ hex: String) -> [UInt8] {
        stride(from: 0, to: hex.count, by: 2).map { UInt8(hex.dropFirst($0).prefix(2), radix: 16)! }
    }

    @Test("AES-256, by the example of FIPS 197, appendix C.3")
    func cipher() {
        // Memory has the lowest byte of a number first.
        let block: (UInt64, UInt64) = (0x0011_2233_4455_6677, 0x8899_aabb_ccdd_eeff)
        let done = AES256(key: Array(0x00...0x1f)).enciphered((block.0.bigEndian, block.1.bigEndian))
        #expect(UInt64(bigEndian: done.0) == 0x8ea2_b7ca_5167_45bf)
        #expect(UInt64(bigEndian: done.1) == 0xeafc_4990_4b49_6089)
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
