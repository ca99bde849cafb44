/// A function for messages that any thread may call: it only prints.
package struct SendableReport: @unchecked Sendable {
  package let report: (_ subject: [UInt8], _ text: String) -> Void

  package init(_ report: @escaping (_ subject: [UInt8], _ text: String) -> Void) {
    self.report = report
  }
}
