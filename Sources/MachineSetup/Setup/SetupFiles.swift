import Automount
import Posix

/// A file that `autosquash setup` writes.
struct SetupFile {
  /// Its path, below the root of the system.
  var path: HostPath
  var text: [UInt8]
  /// Its purpose, for messages.
  var purpose: String

  /// The first line of each of them; a file without it belongs to somebody else.
  static let marker = "# Written by 'autosquash setup'."

  /// Whether setup wrote a file with this text.
  static func isOurs(_ text: [UInt8]) -> Bool { text.starts(with: marker.utf8) }

  init(path: HostPath, text: [UInt8], purpose: String) {
    self.path = path
    self.text = text
    self.purpose = purpose
  }

  private init(path: HostPath, text: String, purpose: String) {
    self.init(path: path, text: Array(text.utf8), purpose: purpose)
  }

  /// The files for a configuration.
  ///
  /// - Parameters:
  ///   - map: the program map.
  ///   - program: this program.
  ///   - hasSystemd: whether to include units.
  ///   - mountPoint: where the bucket is or will be mounted; `nil` if it need not be.
  static func all(
    for configuration: Configuration, map: HostPath, program: HostPath, hasSystemd: Bool,
    mountPoint: HostPath?
  ) throws(SetupError) -> [SetupFile] {
    // A malformed line in this file would disable all maps that autofs reads after it.
    for path in [configuration.mountRoot, configuration.state, map, program]
    where !MapEntry.isPlain(path) {
      throw SetupError(path: path, text: "autofs takes only letters, digits and ._-+ in this path")
    }
    var files = [master(configuration, map: map)]
    if hasSystemd {
      let bucket = mountPoint.map { unitName(of: $0) }
      files.append(
        bucket.map { order(configuration, program: program, after: $0) } ?? orderAfterNetwork)
      if configuration.browse {
        files.append(service(program: program, after: bucket ?? network))
        files.append(timer)
      }
    }
    return files
  }

  /// All paths for any configuration.
  static let allPaths = [masterPath, orderPath, servicePath, timerPath]

  static let masterPath: HostPath = "/etc/auto.master.d/autosquash.autofs"
  static let orderPath = units.appending(
    "autofs.service.d/50-autosquash.conf" as RelativePath)
  static let servicePath = HostPath("/etc/systemd/system/\(serviceName)")
  static let timerPath = HostPath("/etc/systemd/system/\(timerName)")
  static let serviceName = "autosquash-refresh.service"
  static let timerName = "autosquash-refresh.timer"
  /// The link that starts the timer with the system, as made by `systemctl enable`.
  static let timerLink = HostPath("/etc/systemd/system/timers.target.wants/\(timerName)")
  /// The folder for systemd's units.
  static let units: HostPath = "/etc/systemd/system"

  private static func master(_ configuration: Configuration, map: HostPath) -> SetupFile {
    let source =
      configuration.browse
      ? "file:\(StateFolder.topMap(configuration).escapedName)" : "program:\(map.escapedName)"
    return SetupFile(
      path: masterPath,
      text: """
        \(marker)
        \(configuration.mountRoot.escapedName) \(source) --timeout=\(configuration.idleTimeout) \
        --negative-timeout=1\(configuration.browse ? " browse" : "")

        """, purpose: "adds the mount root to autofs")
  }

  private static func order(
    _ configuration: Configuration, program: HostPath, after mount: String
  ) -> SetupFile {
    var text = """
      \(marker)
      [Unit]
      # Images first, then the bucket, when the machine stops.
      After=\(mount)

      [Service]
      # A hanging bucket must not block a shutdown: processes that wait for it get an error. To turn
      # this off, put "ExecStop=" into a later file beside this one.
      ExecStop=-\(program.escapedName) recover --release
      TimeoutStopSec=15

      """
    if MapEntry.MountType(configuration) != .loop {
      text += """
        # Programs that serve mounts must outlive a restart of the automounter.
        KillMode=process

        """
    }
    return SetupFile(
      path: orderPath, text: text, purpose: "starts autofs after the bucket is mounted")
  }

  private static let network = "network-online.target"

  /// For images that are mounted from the bucket itself.
  private static let orderAfterNetwork = SetupFile(
    path: orderPath,
    text: """
      \(marker)
      [Unit]
      # Images first, then the network, when the machine stops.
      After=\(network)
      Wants=\(network)

      [Service]
      # Programs that serve mounts must outlive a restart of the automounter.
      KillMode=process

      """, purpose: "starts autofs after the network")

  private static func service(program: HostPath, after unit: String) -> SetupFile {
    SetupFile(
      path: servicePath,
      text: """
        \(marker)
        [Unit]
        Description=List the images of the bucket for the automounter
        Documentation=man:autosquash(1)
        After=\(unit) autofs.service
        # \(unit == network ? "The bucket must be in reach" : "Mounts a bucket that was out of reach before, as at boot").
        Wants=\(unit)

        [Service]
        Type=oneshot
        ExecStart=\(program.escapedName) refresh --quiet --recover
        TimeoutStartSec=10min
        # A process that waits for a hanging bucket cannot be killed; do not wait for it.
        KillMode=process
        TimeoutStopSec=5
        # It runs every minute: log only its own messages.
        SyslogLevel=notice
        LogLevelMax=notice

        """, purpose: "lists the images")
  }

  private static let timer = SetupFile(
    path: timerPath,
    text: """
      \(marker)
      [Unit]
      Description=List the images of the bucket every minute

      [Timer]
      OnActiveSec=0
      OnBootSec=20
      OnUnitInactiveSec=60
      AccuracySec=5

      [Install]
      WantedBy=timers.target

      """, purpose: "runs the listing every minute")

  /// A path in the form of systemd-escape(1).
  static func unitName(of path: HostPath) -> String {
    var name = ""
    for (index, byte) in path.bytes.drop(while: { $0 == pathSeparator }).enumerated() {
      switch byte {
      case pathSeparator: name += "-"
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
        name.unicodeScalars.append(Unicode.Scalar(byte))
      case UInt8(ascii: ".") where index > 0: name += "."
      default: name += "\\x" + String(byte, radix: 16).leftPadded(to: 2, with: "0")
      }
    }
    return name + ".mount"
  }
}
