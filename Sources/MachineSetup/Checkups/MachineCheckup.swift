import Automount
import CLinux
import Glibc
import Posix
import SquashFSFormat

/// The kernel, loop devices, the clock.
enum MachineCheckup {
  static func kernel(_ configuration: Configuration?) -> Checkup {
    let configuration = configuration ?? Configuration()
    if MapEntry.MountType(configuration) != .loop {
      return programs(configuration)
    }
    let support = KernelSupport.ofThisMachine(state: configuration.state)
    if support.hasSquashFS != true {
      // It may be a module not loaded yet.
      let found = try? ChildProcess.run(["modprobe", "-n", "-q", "squashfs"])
      if found?.status != 0 {
        return .fail(
          "kernel", "this kernel has no squashfs and no squashfs module",
          "install the kernel's modules, or set 'fstype = fuse.squashfuse' in"
            + " \(Configuration.path.escapedName)")
      }
    }
    guard let compressors = support.compressors else {
      return .ok("kernel", "has squashfs; its compressors are unknown")
    }
    let names = CompressorID.allCases.filter { compressors.contains($0) }.map(\.name)
    return .ok("kernel", "has squashfs with \(names.joined(separator: ", "))")
  }

  /// The FUSE programs that mount the images.
  private static func programs(_ configuration: Configuration) -> Checkup {
    let name =
      if case .fuse(let name) = configuration.fileSystem {
        String(decoding: name.dropFirst("fuse.".utf8.count), as: UTF8.self)
      } else {
        "squashfuse"
      }
    let places = ["/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + name }
    guard places.contains(where: { access($0, X_OK) == 0 }) else {
      return .fail(
        "kernel", "\(name) should mount the images, but is not installed",
        "sudo apt-get install squashfuse")
    }
    guard access("/dev/fuse", F_OK) == 0 else {
      return .fail("kernel", "there is no /dev/fuse, which \(name) needs", "sudo modprobe fuse")
    }
    return .ok("kernel", "\(name) mounts the images through FUSE")
  }

  static func loopDevices(_ configuration: Configuration?) -> Checkup {
    let topic = "loop devices"
    if let configuration, MapEntry.MountType(configuration) != .loop {
      return .ok(topic, "not needed")
    }
    guard access("/dev/loop-control", F_OK) == 0 else {
      return .fail(topic, "there is no /dev/loop-control", "sudo modprobe loop")
    }
    if geteuid() != 0 { return .ok(topic, "/dev/loop-control is there; root can check more") }
    let number = clinux_free_loop_device()
    guard number >= 0 else {
      return .fail(
        topic, "none is free: \(SystemError.reason())",
        "losetup --list shows their users; losetup --detach-all frees unmounted ones")
    }
    return .ok(topic, "/dev/loop\(number) is free")
  }

  private static var isKeptBySystemd: Bool {
    let told = try? ChildProcess.run(["timedatectl", "show", "-p", "NTP", "--value"])
    return told?.output.elementsEqual("yes\n".utf8) == true
  }

  static func clock() -> Checkup {
    // S3 refuses requests whose time is off by more than a quarter of an hour.
    var now = time_t()
    time(&now)
    if now < 1_750_000_000 {
      return .fail(
        "clock", "it is years behind, and a bucket refuses requests from the past",
        "sudo timedatectl set-ntp true")
    }
    switch clinux_clock_is_synchronised() {
    case 0 where isKeptBySystemd:
      return .ok("clock", "a service sets it, but has not reached a time server yet")
    case 0:
      return .warn(
        "clock", "nothing synchronizes it, and a bucket refuses requests that are 15 minutes off",
        "sudo timedatectl set-ntp true")
    default: return .ok("clock", "set")
    }
  }
}
