/// The finding about one thing.
package struct Checkup: Sendable {
  package var status: Status
  /// The topic, in a word or two.
  package var topic: String
  /// The state of it, in a sentence.
  package var finding: String
  /// What to do, with a command if there is one.
  package var remedy: String?

  /// The verdict.
  package enum Status: String, Sendable {
    case ok
    case warn
    case fail
  }

  static func ok(_ topic: String, _ finding: String) -> Checkup {
    Checkup(status: .ok, topic: topic, finding: finding)
  }

  static func warn(_ topic: String, _ finding: String, _ remedy: String) -> Checkup {
    Checkup(status: .warn, topic: topic, finding: finding, remedy: remedy)
  }

  static func fail(_ topic: String, _ finding: String, _ remedy: String) -> Checkup {
    Checkup(status: .fail, topic: topic, finding: finding, remedy: remedy)
  }
}
