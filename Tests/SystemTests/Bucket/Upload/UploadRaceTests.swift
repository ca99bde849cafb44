import TestSupport
import Testing

extension UploadSystemTests {
  @Suite struct Races {
    /// Of two who upload to one name at the same moment, one succeeds, and the other one hears of it.
    @Test(arguments: [("small", "5M"), ("large", "5M")])
    func nothingIsOverwritten(_ name: String, _ size: String) throws {
      let server = try UploadSystemTests.seaweedfs.get()
      let folder = try TemporaryFolder()
      let sample = try UploadSystemTests.sample.get()
      let first = try sample.bytes("\(name).squash")
      // The same image with other padding.
      let images = [first, first + [UInt8](repeating: 0, count: 4096)]
      for (index, image) in images.enumerated() { try folder.write("\(index).squash", image) }
      for round in 0..<12 {
        let key = "race-\(name)/\(round).squash"
        let writers = try images.indices.map { index in
          try Running(
            [
              Tool.autosquash, "upload", "--no-verify", "--part-size", size, "\(index).squash",
              UploadSystemTests.destination + key,
            ].map { Array($0.utf8) }, in: folder.root, environment: server.environment)
        }
        let results = writers.map { $0.wait() }
        let winners = results.indices.filter { results[$0].status == 0 }
        #expect(winners.count == 1, "\(results.map(\.summary))")
        guard let winner = winners.first else { continue }
        #expect(results[1 - winner].status == 1, "\(results[1 - winner].summary)")
        #expect(try server.bytes(of: key) == images[winner])
      }
      #expect(try server.contents(below: "race-\(name)/").uploads == [])
    }
  }
}
