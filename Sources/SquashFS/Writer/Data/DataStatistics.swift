/// What became of the files' bytes.
package struct DataStatistics: Sendable {
  package var files = 0
  /// The bytes of all files, holes and duplicates included.
  package var bytes: UInt64 = 0
  /// The bytes not stored because an equal block or tail existed.
  package var duplicateBytes: UInt64 = 0
  /// The bytes of data in the image.
  package var storedBytes: UInt64 = 0
  /// Blocks stored uncompressed because they do not shrink.
  package var storedPlainBlocks = 0
  /// What was taken over from an old image.
  package var reused = ReusedData()
  /// The blocks of an old image that could not be read or unpacked.
  package var unreadableOldBlocks = 0
}

/// Blocks taken over from an old image.
package struct ReusedData: Sendable {
  package var blocks = 0
  /// Their unpacked size.
  package var bytes: UInt64 = 0
}
