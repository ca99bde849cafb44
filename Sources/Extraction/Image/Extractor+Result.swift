extension Extractor {
  /// What an extraction came to.
  public struct Result: Sendable {
    /// The number of files, links and directories made.
    public var made = 0
    /// The number of files, links and devices that existed already, and stay.
    public var kept = 0
    /// The bytes of files written.
    public var bytes: UInt64 = 0
    /// The number of files that could not be made.
    public var errors = 0
    /// The number of device nodes that were not made, which only root can.
    public var skippedDevices = 0
    /// The number of losses that were reported.
    public var lost = 0
    /// What was named and is not in the image; empty where not all of it was looked at.
    public var missing: [[UInt8]] = []
    /// The files that were in the way of others.
    public var existing = ExistingFiles()
    /// One sentence for each kind of thing that this user or file system cannot have.
    public var warnings: [String] = []
    /// What ended the extraction early.
    public var failure: (any Error)?
    /// Whether the directory was removed again, as nothing came into it.
    public var isTakenBack = false

    /// Whether all that was named is there, as it is in the image.
    public var isComplete: Bool {
      failure == nil && errors == 0 && lost == 0 && missing.isEmpty
    }
  }
}

/// Gets to know the problems of an extraction when they are met; called from any thread.
public protocol ExtractionReporter: Sendable {
  /// A file could not be made.
  ///
  /// - Parameter path: below the directory that is unpacked into.
  func couldNotMake(_ path: [UInt8], _ reason: String)

  /// Something of a damaged image is lost.
  func lost(_ loss: Extractor.Loss)
}
