import ArgumentParser
import Automount
import Glibc
import ImageMount
import Posix
import Terminal

/// `autosquash unmount`: ends what `mount` has begun.
struct Unmount: FileSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "unmount",
    abstract: "Unmount an image that \"autosquash mount\" has mounted.",
    discussion: """
      With --lazy the folder is free at once; programs that use files of the image cannot read them \
      any longer when the last one has closed them.
      """)

  @Argument(help: ArgumentHelp("The folder on which the image is mounted.", valueName: "dir"))
  var folder: ByteArgument
  @Flag(help: "Also if programs use it.") var lazy = false

  func validate() throws { try folder.refuseEmpty("a folder") }

  var subject: [UInt8] { folder.bytes }

  func execute() throws -> Int32 {
    let path = MountFolder.absolute(subject)
    guard let mount = try MountFolder.mount(at: path), let point = MountPoint(path) else {
      throw MountError(.refused, "nothing is mounted here")
    }
    guard mount.type == MountTable.Mount.ownType else {
      throw MountError(
        .refused,
        "not mounted by \"autosquash mount\"; \"umount \(subject.shellWord)\" unmounts it")
    }
    do throws(MountError) { try point.unmount(isLazy: lazy) } catch {
      guard error.code == .busy else { throw error }
      let users = MountUsers.find(path)
      throw MountError(
        .busy,
        "in use\(users.isEmpty ? "" : " by " + users.joined(separator: ", ")); end that, or use --lazy"
      )
    }
    return 0
  }
}
