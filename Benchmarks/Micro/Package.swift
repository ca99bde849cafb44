// swift-tools-version: 6.2
import PackageDescription

// A package of its own: nothing else needs it. Run it by `make bench-micro`.

/// The compiler's name for the program's package, which SwiftPM derives from its folder's.
let program = String(
  Context.packageDirectory.split(separator: "/").dropLast(2).last!.lowercased().enumerated().map {
    let isAllowed = $1.isASCII && ($1.isLetter || $1.isNumber && $0 > 0)
    return isAllowed ? $1 : "_"
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
