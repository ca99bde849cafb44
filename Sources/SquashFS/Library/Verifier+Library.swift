extension Verifier {
  /// Checks the image in a file: that it is whole, that all in it agrees, and that Linux mounts it.
  ///
  /// - Parameters:
  ///   - path: of the file, which need not be an image at all: the report says so.
  ///   - options: what to check, and with how many threads.
  /// - Throws: `ImageReadError` of the codes `unreadable`, also where the file changes meanwhile, and
  ///   `unsupported` for an image of more parts than this program checks.
  public static func verify(
    path: String, options: Options = Options()
  ) throws(ImageReadError) -> Report {
    let verifier = Verifier(try ImageInput(path: Array(path.utf8)), options: options)
    do { return try verifier.run() } catch let error as ImageReadError { throw error } catch {
      throw ImageReadError(.unreadable, "\(error)")  // no threads
    }
  }
}
