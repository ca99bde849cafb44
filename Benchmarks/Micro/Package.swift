// swift-tools-version: 6.2
import PackageDescription

// A package of its own: nothing else needs it. Run it by `make bench-micro`.

/// The compiler's name for the program's package, which SwiftPM derives from its folder's.
let program = String(
  Context.packageDirectory.split(separator: "/").dropLast(2).last!.lowercased().map {
    $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_"
  })

let package = Package(
  name: "Micro",
  dependencies: [.package(name: "autosquash", path: "../..")],
  targets: [
    .executableTarget(
      name: "Micro",
      dependencies: [.product(name: "AutosquashModules", package: "autosquash")],
      packageAccess: false,
      // It calls declarations internal to the program's package.
      swiftSettings: [.unsafeFlags(["-package-name", program])])
  ],
  swiftLanguageModes: [.v6]
)
