// swift-tools-version: 6.2
import PackageDescription

// A package of its own: everything in it is built with `--sanitize fuzzer` (scripts/fuzz.sh).

/// The compiler's name for the program's package, which SwiftPM derives from its folder's.
let program = String(
  Context.packageDirectory.split(separator: "/").dropLast().last!.lowercased().enumerated().map {
    let isAllowed = $1.isASCII && ($1.isLetter || $1.isNumber && $0 > 0)
    return isAllowed ? $1 : "_"
  })

/// The fuzzers use declarations internal to the program's package, so they compile as part of it.
let inside: SwiftSetting = .unsafeFlags(["-package-name", program])

func fuzzer(_ name: String) -> Target {
  .executableTarget(
    name: name,
    dependencies: ["FuzzSupport", .product(name: "AutosquashModules", package: "autosquash")],
    packageAccess: false,
    // libFuzzer brings `main`.
    swiftSettings: [inside, .unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "autosquash", path: "..")],
  targets: [
    .target(
      name: "FuzzSupport",
      dependencies: [.product(name: "AutosquashModules", package: "autosquash")],
      packageAccess: false, cSettings: [.define("_GNU_SOURCE")], swiftSettings: [inside]),
    fuzzer("FuzzTables"),
    fuzzer("FuzzImage"),
    fuzzer("FuzzXattrs"),
    fuzzer("FuzzArchive"),
    fuzzer("FuzzMap"),
    fuzzer("FuzzRoundTrip"),
    fuzzer("FuzzKernel"),
    fuzzer("FuzzStore"),
    fuzzer("FuzzMount"),
  ],
  swiftLanguageModes: [.v6]
)
