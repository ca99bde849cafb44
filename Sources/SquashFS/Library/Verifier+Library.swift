extension Verifier {
  /// Checks the image in a file: that it is intact, consistent, and that Linux mounts it.
  ///
  /// - Parameters:
  /// - path: the file; if it is not an image at all, the report says so.
  /// - options: what to check, and with how many threads.
  /// - Throws: `ImageReadError` with the codes `unreadable`, also if the file changes meanwhile,
  ///   and `unsupported` for an image with more parts than this program checks.
  public static func verify(
    path: String, options: Options = Options()
  ) throws(ImageReadError) -> Report {
    let verifier = Verifier(try ImageInput(path: Array(path.utf8)), options: options)
    do { return try verifier.run() } catch let error as ImageReadError { throw error } catch {
      throw ImageReadError(.unreadable, "\(error)")  // no threads
    }
  }
}
