import Automount
import Glibc
import HTTP
import ImageMount
import Posix

/// What this program needs to mount images by itself, for autofs.
struct MountCheckup {
  let configuration: Configuration

  func all() -> [Checkup] {
    var found = [fuse(), helper()]
    if configuration.images.bucket != nil { found.append(libcurl()) }
    if let fusermount = fusermount() { found.append(fusermount) }
    return found
  }

  private func fuse() -> Checkup {
    guard access("/dev/fuse", F_OK) == 0 else {
      return .fail(
        "fuse", "there is no /dev/fuse, by which images are mounted", "sudo modprobe fuse")
    }
    if let reason = Libfuse.fault {
      return .fail(
        "fuse", "libfuse 3, which mounts the images, cannot be loaded: \(reason)",
        "sudo apt-get install fuse3")
    }
    return .ok("fuse", "/dev/fuse and libfuse 3 are there")
  }

  /// What mount(8) runs for the automounter.
  private func helper() -> Checkup {
    let path = MountProgram.path
    guard Installation.hasMountHelper else {
      return .fail(
        "mount", "\(path.escapedName), which mount(8) runs for an image, is missing",
        "sudo ln -sf \(Installation.map.shellWord) \(path.shellWord)")
    }
    return .ok("mount", "\(path.escapedName) is there")
  }

  private func libcurl() -> Checkup {
    if let reason = Libcurl.fault {
      return .fail(
        "libcurl", "libcurl, which reads the bucket, cannot be loaded: \(reason)",
        "sudo apt-get install libcurl4")
    }
    return .ok("libcurl", "it can be loaded")
  }

  /// The automounter is root, and needs none.
  private func fusermount() -> Checkup? {
    guard geteuid() != 0, !Fusermount.isThere else { return nil }
    return Checkup(
      status: .ok, topic: "fuse",
      finding: "without fusermount3 only root can run \"autosquash mount\"; autofs is root",
      remedy: "sudo apt-get install fuse3")
  }
}
