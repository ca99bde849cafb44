// swift-tools-version: 6.2
import PackageDescription

// A package of its own: everything in it is built with `--sanitize fuzzer` (scripts/fuzz.sh).

func fuzzer(_ name: String) -> Target {
  .executableTarget(
    name: name,
    dependencies: ["FuzzSupport", .product(name: "AutosquashModules", package: "autosquash")],
    // libFuzzer brings `main`.
    swiftSettings: [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "autosquash", path: "..")],
  targets: [
    .target(
      name: "FuzzSupport",
      dependencies: [.product(name: "AutosquashModules", package: "autosquash")],
      cSettings: [.define("_GNU_SOURCE")]),
    fuzzer("FuzzTables"),
    fuzzer("FuzzImage"),
    fuzzer("FuzzXattrs"),
    fuzzer("FuzzArchive"),
    fuzzer("FuzzMap"),
    fuzzer("FuzzRoundTrip"),
    fuzzer("FuzzKernel"),
  ],
  swiftLanguageModes: [.v6]
)
