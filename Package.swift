// swift-tools-version: 6.2
import PackageDescription

/// Shared by every Swift target.
let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// Makes SEEK_DATA, O_TMPFILE, renameat2 and the like visible through the Glibc module.
let gnu: [CSetting] = [.define("_GNU_SOURCE")]

/// For a program that must start as fast as a shell script: link everything statically, and put the
/// startup code side by side, so that few pages are touched (scripts/startup-order.py).
let mapLinkerFlags = [
  "-static-executable", "-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "--no-rosegment",
  "-Xlinker", "--no-warn-symbol-ordering", "-Xlinker",
  "--symbol-ordering-file=\(Context.packageDirectory)/Sources/autosquash-map/startup-order.txt",
]

let package = Package(
  name: "autosquash",
  products: [
    .executable(name: "autosquash", targets: ["autosquash"]),
    .executable(name: "autosquash-map", targets: ["autosquash-map"]),
    // For programs that read, write or verify images (Examples/Library).
    .library(name: "SquashFS", targets: ["SquashFS"]),
    // For the fuzzers' package only; nobody else should rely on it.
    .library(
      name: "AutosquashModules",
      targets: [
        "Automount", "FileTrees", "HTTP", "ImageMount", "Manifests", "ObjectStore", "Posix",
        "SquashFS", "SquashFSFormat", "TreeModel",
      ]),
  ],
  dependencies: [
    // Subcommands, help, completions and man pages.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // `make build` puts most of these libraries into the program, since each shared one would take 50
    // microseconds of every start. pkg-config would hide the static forms from the linker.

    // liblzma: the xz codec, the default and the one this program is tuned for.
    .systemLibrary(name: "CLZMA", providers: [.apt(["liblzma-dev"])]),
    // libdeflate: the gzip codec, three times as fast as zlib and smaller at the same level.
    .systemLibrary(name: "CDeflate", providers: [.apt(["libdeflate-dev"])]),
    // zlib: .gz input, a stream of any length, with its checksum verified (libarchive skips it); and
    // what the kernel accepts, for gzip blocks that come from another image.
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    // libbz2: .bz2 input; libarchive does not say where a stream ends.
    .systemLibrary(name: "CBzip2", providers: [.apt(["libbz2-dev"])]),
    // libzstd: the zstd codec.
    .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
    // liblz4: the lz4 codec, and the quick test for matches before a slow codec runs.
    .systemLibrary(name: "CLZ4", providers: [.apt(["liblz4-dev"])]),
    // liblzo2: reads the lzo images of appliances; never used for writing. It stays a shared library,
    // because its license, the GPL, would extend to the program.
    .systemLibrary(name: "CLZO", providers: [.apt(["liblzo2-dev"])]),
    // xxHash, from its header alone: finds possibly equal blocks at the speed of memory.
    .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),
    // nettle: SHA-256 with the processor's own instructions.
    .systemLibrary(name: "CNettle", providers: [.apt(["nettle-dev"])]),

    // libarchive: every tar dialect, cpio, zip, 7z, mtree, and the stream filters. It brings 35 MB of
    // other libraries, so it is loaded when the first archive is opened; only its headers
    // (libarchive-dev) are needed here.
    .target(name: "CLibArchive"),
    // libcurl: HTTP, TLS, proxies. It brings 33 libraries, so it is loaded when a URL is first used;
    // only its headers (libcurl4-openssl-dev) are needed here.
    .target(name: "CCurl"),
    // CRC-64/NVME, the checksum of S3's objects: in C for the speed of debug builds too.
    .target(name: "CChecksums"),
    // libfuse: mounting. It is loaded for that alone; only its headers (libfuse3-dev) are needed here.
    .target(name: "CFuse"),
    // What Swift's Glibc module leaves out: xattr, major and minor, openat2, fork, main's
    // arguments.
    .target(name: "CLinux"),
    // Ends the program with a message when memory runs out; only for whole programs.
    .target(name: "CMemory", dependencies: ["CLinux"]),

    .target(name: "Posix", dependencies: ["CLinux"], cSettings: gnu, swiftSettings: settings),
    .target(name: "TreeModel", swiftSettings: settings),
    .target(
      name: "SquashFSFormat", dependencies: ["TreeModel"],
      swiftSettings: settings + [.strictMemorySafety()]),
    .target(
      name: "SquashFS",
      dependencies: [
        "CDeflate", "CLZMA", "CLZO", "CNettle", "CXXHash", "CZlib", "CZstd", "CLZ4", "Posix",
        "SquashFSFormat", "TreeModel",
      ],
      cSettings: gnu, swiftSettings: settings),
    .target(
      name: "FileTrees",
      dependencies: [
        "CBzip2", "CLZ4", "CLZMA", "CLZO", "CLibArchive", "CLinux", "CNettle", "CZlib", "CZstd",
        "Posix", "TreeModel",
      ],
      cSettings: gnu, swiftSettings: settings),
    // SHA-256 stays in FileTrees, which uses it to distinguish the files of cpio archives: a module
    // of its own below both would add an edge.
    .target(
      name: "Manifests", dependencies: ["CLibArchive", "FileTrees", "Posix", "TreeModel"],
      resources: [.embedInCode("page.html")], cSettings: gnu, swiftSettings: settings),
    .target(
      name: "Extraction",
      dependencies: [
        "CLibArchive", "CLinux", "FileTrees", "Posix", "SquashFS", "SquashFSFormat", "TreeModel",
      ],
      cSettings: gnu, swiftSettings: settings),
    .target(
      name: "Automount", dependencies: ["CLinux", "Posix", "SquashFSFormat"], cSettings: gnu,
      swiftSettings: settings),
    .target(
      name: "Overlay", dependencies: ["CLinux", "Posix"], cSettings: gnu, swiftSettings: settings),
    .target(
      name: "HTTP", dependencies: ["CCurl", "Posix"], cSettings: gnu, swiftSettings: settings),
    .target(
      name: "ObjectStore", dependencies: ["CChecksums", "CNettle", "CXXHash", "HTTP", "Posix"],
      cSettings: gnu, swiftSettings: settings),
    .target(
      name: "ImageMount",
      dependencies: ["CFuse", "CLinux", "Posix", "SquashFS", "SquashFSFormat", "TreeModel"],
      cSettings: gnu, swiftSettings: settings),
    .target(name: "Terminal", dependencies: ["Posix"], cSettings: gnu, swiftSettings: settings),
    .target(
      name: "Inputs",
      dependencies: [
        "FileTrees", "HTTP", "Manifests", "ObjectStore", "Posix", "SquashFS", "SquashFSFormat",
        "TreeModel",
      ],
      cSettings: gnu, swiftSettings: settings),
    .target(
      name: "Listings",
      dependencies: [
        "FileTrees", "Inputs", "Posix", "SquashFS", "SquashFSFormat", "Terminal", "TreeModel",
      ],
      cSettings: gnu, swiftSettings: settings),
    .target(
      name: "Packing",
      dependencies: [
        "CLinux", "FileTrees", "HTTP", "Inputs", "Manifests", "ObjectStore", "Posix", "SquashFS",
        "SquashFSFormat", "TreeModel", "Uploading",
      ],
      cSettings: gnu, swiftSettings: settings),
    .target(
      name: "Uploading",
      dependencies: [
        "FileTrees", "HTTP", "Inputs", "Manifests", "ObjectStore", "Posix", "SquashFS",
        "Verification",
      ],
      cSettings: gnu, swiftSettings: settings),
    .target(
      name: "Verification",
      dependencies: ["FileTrees", "Inputs", "Manifests", "Posix", "SquashFS", "TreeModel"],
      cSettings: gnu, swiftSettings: settings),
    .target(
      name: "MachineSetup",
      dependencies: [
        "Automount", "CLinux", "HTTP", "ImageMount", "Inputs", "ObjectStore", "Overlay", "Posix",
        "SquashFS", "SquashFSFormat", "Terminal",
      ],
      cSettings: gnu, swiftSettings: settings),
    // autosquash-map: autofs runs it on every first access. Nothing may depend on it, because its
    // linker flags would come along.
    .executableTarget(
      name: "autosquash-map", dependencies: ["Automount"],
      exclude: ["startup-order.txt"], cSettings: gnu, swiftSettings: settings,
      linkerSettings: [
        .unsafeFlags(mapLinkerFlags, .when(platforms: [.linux], configuration: .release))
      ]),
    .executableTarget(
      name: "autosquash",
      dependencies: [
        "Automount", "CLinux", "CMemory", "Extraction", "FileTrees", "HTTP", "ImageMount", "Inputs",
        "Listings",
        "MachineSetup", "Manifests", "ObjectStore", "Overlay", "Packing", "Posix", "SquashFS",
        "SquashFSFormat",
        "Terminal", "TreeModel", "Uploading", "Verification",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      cSettings: gnu, swiftSettings: settings),

    .target(
      name: "TestSupport", dependencies: ["CLinux", "Posix", "TreeModel"],
      path: "Tests/TestSupport", exclude: ["Servers"], cSettings: gnu),
    .testTarget(name: "PosixTests", dependencies: ["Posix", "TestSupport"], cSettings: gnu),
    .testTarget(name: "SquashFSFormatTests", dependencies: ["SquashFSFormat"]),
    .testTarget(name: "TreeModelTests", dependencies: ["TestSupport", "TreeModel"]),
    .testTarget(
      name: "SquashFSTests",
      dependencies: [
        "autosquash", "Extraction", "FileTrees", "Inputs", "Manifests", "Posix", "SquashFS",
        "SquashFSFormat", "TestSupport", "TreeModel",
      ]),
    .testTarget(
      name: "FileTreesTests",
      dependencies: ["CLibArchive", "FileTrees", "Posix", "TestSupport", "TreeModel"]),
    .testTarget(
      name: "ExtractionTests",
      dependencies: [
        "Extraction", "FileTrees", "Posix", "SquashFS", "SquashFSFormat", "TestSupport",
        "TreeModel",
      ]),
    .testTarget(
      name: "ManifestsTests", dependencies: ["FileTrees", "Manifests", "TestSupport", "TreeModel"]),
    .testTarget(
      name: "AutomountTests",
      dependencies: ["Automount", "Posix", "SquashFSFormat", "TestSupport"],
      cSettings: gnu),
    .testTarget(
      name: "OverlayTests", dependencies: ["Overlay", "Posix", "TestSupport"], cSettings: gnu),
    .testTarget(
      name: "HTTPTests", dependencies: ["HTTP", "Posix", "TestSupport"], cSettings: gnu),
    .testTarget(
      name: "ObjectStoreTests", dependencies: ["HTTP", "ObjectStore", "Posix", "TestSupport"],
      exclude: ["signatures.py"], cSettings: gnu),
    .testTarget(
      name: "ImageMountTests",
      dependencies: ["ImageMount", "Posix", "SquashFS", "SquashFSFormat", "TestSupport"],
      cSettings: gnu),
    .testTarget(
      name: "CommandTests", dependencies: ["autosquash", "Posix", "TestSupport"],
      cSettings: gnu),
    .testTarget(
      name: "SystemTests", dependencies: ["autosquash", "Posix", "TestSupport"],
      exclude: ["Mount/compare.py"], cSettings: gnu),
  ],
  swiftLanguageModes: [.v6]
)
