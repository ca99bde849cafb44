import Posix

/// Who made this machine, as its firmware says it to everybody (SMBIOS, types 0 to 2).
struct MachineVendor {
  /// Where the kernel shows it; not in all machines, and not in all containers.
  static let systemFolder: HostPath = "/sys/class/dmi/id"

  let folder: HostPath

  /// The maker, if it is known not to be Amazon: such a machine has no metadata service of theirs.
  ///
  /// Their machines say "Amazon EC2"; those on Xen do so only by a BIOS such as "4.11.amazon".
  var otherThanAmazon: String? {
    guard let vendor = text("sys_vendor") else { return nil }
    let says = [vendor] + ["bios_vendor", "bios_version", "product_version"].compactMap(text)
    let isAmazon = says.contains { $0.lowercased().contains("amazon") }
    return isAmazon || text("board_asset_tag")?.hasPrefix("i-") == true ? nil : vendor
  }

  private func text(_ name: String) -> String? {
    let path = HostPath(folder.bytes + Array("/\(name)".utf8))
    guard let bytes = try? SmallFile.read(path, limit: 64 << 10),
      let line = bytes.split(separator: UInt8(ascii: "\n")).first
    else { return nil }
    return String(decoding: line, as: UTF8.self)
  }
}
