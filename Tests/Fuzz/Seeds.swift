import Glibc

/// libFuzzer calls this before anything else. With FUZZ_SEEDS set to a folder the program writes its
/// seeds there and ends: the corpus is made from generated messages, none is kept in the repository.
@c(LLVMFuzzerInitialize)
public func fuzzInitialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
  guard let folder = getenv("FUZZ_SEEDS") else { return 0 }
  for (index, bytes) in seeds().enumerated() {
    let path = String(cString: folder) + "/seed\(index)"
    guard let file = fopen(path, "wb") else {
      perror(path)
      exit(73)
    }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }
  exit(0)
}

func be16(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
func be32(_ value: Int) -> [UInt8] { be16(value >> 16) + be16(value) }
func be64(_ value: Int) -> [UInt8] { be32(value >> 32) + be32(value) }
