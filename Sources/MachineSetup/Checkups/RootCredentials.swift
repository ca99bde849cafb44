import Automount
import Glibc
import Posix

/// With what another system will read the images' bucket, as far as its files say.
struct RootCredentials {
  let root: SystemRoot
  let configuration: Configuration

  /// Where root's programs look, if its environment names no other place.
  private static let files: [HostPath] = ["/root/.aws/credentials", "/root/.aws/config"]

  func checkup() throws -> Checkup {
    let topic = "credentials"
    if !configuration.bucket.signs { return .ok(topic, "none: requests are not signed") }
    for file in Self.files {
      guard let status = try root.look(file) else { continue }
      let place = root.place(file)
      if status.isRegular && status.st_mode & 0o077 != 0 {
        return .warn(
          topic,
          "\(place.escapedName) has mode \(UInt16(status.st_mode & 0o7777).asMode); its keys are for"
            + " root alone", "sudo chmod 600 \(place.shellWord)")
      }
      return .ok(topic, "\(place.escapedName) is there")
    }
    return .ok(
      topic,
      "there is no \(root.place(Self.files[0]).escapedName); the machine needs a role for"
        + " the bucket")
  }
}
