import ObjectStore
import Testing

@Suite struct StoreErrorTests {
  @Test func aMessageIsWhatPeopleSee() {
    #expect("\(StoreError(.denied, "not allowed"))" == "not allowed")
  }
}
