extension Extractor {
  /// The outcome of an extraction.
  public struct Result: Sendable {
    /// The number of files, links and directories made.
    public var made = 0
    /// The number of existing files, links and devices that were kept.
    public var kept = 0
    /// The number of bytes written to files.
    public var bytes: UInt64 = 0
    /// The number of files that could not be made.
    public var errors = 0
    /// The number of device nodes skipped because only root can make them.
    public var skippedDevices = 0
    /// The number of reported losses.
    public var lost = 0
    /// Names not found in the image; empty if it was not searched completely.
    public var missing: [[UInt8]] = []
    /// The files that were in the way of others.
    public var existing = ExistingFiles()
    /// One sentence for each kind of thing that this user or file system cannot have.
    public var warnings: [String] = []
    /// The error that ended the extraction early.
    public var failure: (any Error)?
    /// Whether the directory was removed again because nothing went into it.
    public var isTakenBack = false

    /// Whether everything named was extracted, just as it is in the image.
    public var isComplete: Bool {
      failure == nil && errors == 0 && lost == 0 && missing.isEmpty
    }
  }
}

/// Receives the problems of an extraction as they occur; called from any thread.
public protocol ExtractionReporter: Sendable {
  /// A file could not be made.
  ///
  /// - Parameter path: below the target directory.
  func couldNotMake(_ path: [UInt8], _ reason: String)

  /// Part of a damaged image is lost.
  func lost(_ loss: Extractor.Loss)
}
