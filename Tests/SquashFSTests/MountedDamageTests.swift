import TestSupport
import Testing

/// Every kind of damage, under a mount by the program.
@Suite(.serialized, .enabled(if: SystemTests.canMount)) struct MountedDamageTests {
  @Test func noDamageEndsAServer() async throws {
    let cases =
      DamageTests.superblockCases + DamageTests.tableCases + DamageTests.inodeCases
      + DamageTests.directoryCases + DamageTests.dataCases
    #expect(cases.count > 100)
    let whole = try PlainImage()
    let images = try cases.map { damage in
      var image = whole
      try damage.damage(&image)
      return image.bytes
    }
    let folder = try TemporaryFolder()
    let workers = 4
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<workers {
        group.addTask {
          for index in stride(from: worker, to: images.count, by: workers) {
            let name = "\(index).squash"
            try folder.write(name, images[index])
            try OwnMount.expectSurvival(of: folder.path(name))
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
