import ArgumentParser
import Glibc

@main
struct Autosquash: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "autosquash",
    abstract: "Pack data into SquashFS images; verify, look into, unpack and compare them.",
    version: "0.1.0",
    subcommands: [
      Pack.self, Verify.self, List.self, Cat.self, Info.self, Extract.self, Diff.self,
      Manifest.self, MapCommand.self, Images.self, Refresh.self, Setup.self, Doctor.self,
    ])

  static func main() {
    // Names are UTF-8 or raw bytes whatever the user's locale; libarchive asks the C library.
    setlocale(LC_CTYPE, "C.UTF-8")
    Process.raiseFileLimit()
    main(RawArguments.encoded())
  }
}
