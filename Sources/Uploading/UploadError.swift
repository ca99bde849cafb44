package import ObjectStore

/// What went wrong, with the file or the object that it is about.
package struct UploadError: Error, CustomStringConvertible {
  package let subject: [UInt8]
  package let reason: any Error

  package init(_ subject: [UInt8], _ reason: any Error) {
    self.subject = subject
    self.reason = reason
  }

  /// The store's own reason, if it is one.
  package var code: StoreError.Code? { (reason as? StoreError)?.code }

  package var description: String { "\(reason)" }
}
