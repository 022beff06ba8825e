import Testing

@testable import DHTCore

/// The reference vectors of SipHash-2-4: key 00 to 0f, message 00, 01, 02, ...
struct SipHashTests {
    let key = SipKey(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)

    @Test func emptyMessageIsTheReference() {
        var hash = SipHash(key)
        #expect(hash.finish(byteCount: 0) == 0x726F_DB47_DD0E_0E31)
    }

    @Test func eightBytesAreTheReference() {
        var hash = SipHash(key)
        hash.append(0x0706_0504_0302_0100)
        #expect(hash.finish(byteCount: 8) == 0x93F5_F579_9A93_2462)
    }
}
