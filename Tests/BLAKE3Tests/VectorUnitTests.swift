import Testing

@testable import BLAKE3

@Suite struct VectorUnitTests {
    @Test(arguments: availableUnits)
    func chunksBeyond4TiBHaveTheSameChainingValues(unit: VectorUnit) {
        let input = makeInput(unit.lanes * 1_024)
        for counter in [0, 1 << 32 - 64, 1 << 32, 0xFFFF_FFF0_0000, 1 << 53] as [UInt64] {
            for count in [1, unit.lanes / 2, unit.lanes] where count > 0 {
                let values = chainingValues(unit, input, count: count, counter: counter)
                let expected = (0..<count).flatMap { index in
                    chainingValues(
                        .none,
                        Array(input[(index * 1_024)...]),
                        count: 1,
                        counter: counter + UInt64(index)
                    )
                }
                #expect(values == expected, "\(count) chunks from \(counter)")
            }
        }
    }

    @Test func theBestUnitIsSupported() {
        #expect(VectorUnit.best.isSupported && VectorUnit.none.isSupported)
    }

    private func chainingValues(
        _ unit: VectorUnit,
        _ input: [UInt8],
        count: Int,
        counter: UInt64
    ) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: count * 32)
        input.withUnsafeBytes { input in
            output.withUnsafeMutableBytes { output in
                guard let start = input.baseAddress, let end = output.baseAddress else { return }
                unit.hashChunks(start, count: count, mode: .hash, counter: counter, into: end)
            }
        }
        return output
    }
}
