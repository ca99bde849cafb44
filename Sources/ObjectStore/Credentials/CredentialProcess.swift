import Glibc
import Posix

/// A program that prints credentials, as `credential_process` of a profile names it.
enum CredentialProcess {
  /// - Parameters:
  ///   - command: words as a shell would split them; no shell runs.
  ///   - seconds: how long it may take.
  static func run(
    _ command: String, seconds: Double = 60, from source: String
  ) throws(StoreError) -> Credentials {
    let setting = "credential_process of \(source)"
    guard let words = ShellWords.split(command), let program = words.first, !program.isEmpty else {
      throw StoreError(.invalid, "\(setting) is empty or lacks a quotation mark")
    }
    let result: ChildProcess.Result
    do throws(SystemError) {
      result = try ChildProcess.run(
        words.map { Array($0.utf8) }, outputLimit: FlatJSON.mostBytes, seconds: seconds)
    } catch {
      switch error.code {
      case ETIMEDOUT:
        throw StoreError(.credentials, "\(setting) did not end within \(Int(seconds)) seconds")
      case EFBIG: throw StoreError(.credentials, "\(setting) printed too much")
      default:
        // Its other words may be secrets.
        throw StoreError(
          .credentials, "\(setting): \(Array(program.utf8).shellWord): \(error)")
      }
    }
    guard result.status == 0 else {
      throw StoreError(.credentials, "\(setting) failed with status \(result.status)")
    }
    guard FlatJSON.members(result.output)?["Version"] == "1" else {
      throw StoreError(.credentials, "\(setting) did not print credentials of version 1")
    }
    return try Credentials(
      json: result.output, token: "SessionToken", needsToken: false, from: setting)
  }
}
