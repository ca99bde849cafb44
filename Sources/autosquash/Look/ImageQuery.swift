/// What a command wants to know about one image, however it was asked.
protocol ImageQuery {
  /// The image's file, to which errors refer if they name no other.
  var image: [UInt8] { get }

  /// Prints the answer.
  ///
  /// - Returns: the exit status.
  func execute() throws -> Int32
}
