#include "images/compression.hpp"

#include <zlib.h>
#include <zstd.h>
#ifdef GANTRY_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

constexpr std::size_t kInput = std::size_t{128} << 10;
/// Windows above 128 MiB are refused, as zstd's own tool does.
constexpr int kMaxZstdWindowLog = 27;

[[noreturn]] void damaged(const char* kind, const char* why) {
  throw Error{Errc::invalid, std::string{"invalid layer: "} + kind + " data: " + why};
}

/// The compressed side of a decompressor: a buffer with what has not been used yet.
class Input {
 public:
  explicit Input(ByteSource& source) : source_(source), buffer_(kInput) {}

  /// Gets more if all was used; false at the end.
  bool fill() {
    if (begin_ < end_) return true;
    begin_ = 0;
    end_ = ended_ ? 0 : source_.read(buffer_);
    ended_ = end_ == 0;
    return !ended_;
  }

  /// At least 4 bytes at the start, unless there are fewer.
  std::span<const std::byte> peek() {
    while (end_ < 4) {
      const std::size_t got = source_.read(std::span{buffer_}.subspan(end_));
      if (got == 0) break;
      end_ += got;
    }
    return rest();
  }

  /// What is left of the buffer, and from then on the source's bytes without a copy in between.
  std::size_t read(std::span<std::byte> out) {
    if (begin_ == end_) return source_.read(out);
    const std::size_t part = std::min(end_ - begin_, out.size());
    std::memcpy(out.data(), buffer_.data() + begin_, part);
    use(part);
    return part;
  }

  [[nodiscard]] std::span<std::byte> rest() { return std::span{buffer_}.subspan(begin_, end_ - begin_); }
  void use(std::size_t count) { begin_ += count; }

 private:
  ByteSource& source_;
  std::vector<std::byte> buffer_;
  std::size_t begin_{};
  std::size_t end_{};
  bool ended_{};
};

class PlainReader final : public ByteSource {
 public:
  explicit PlainReader(std::unique_ptr<Input> input) : input_(std::move(input)) {}
  std::size_t read(std::span<std::byte> buffer) override { return input_->read(buffer); }

 private:
  std::unique_ptr<Input> input_;
};

/// Inflates one gzip member after the other. `Engine` is ISA-L's or zlib's.
template <class Engine>
class GzipReader final : public ByteSource {
 public:
  explicit GzipReader(std::unique_ptr<Input> input) : input_(std::move(input)) {}

  std::size_t read(std::span<std::byte> buffer) override {
    for (;;) {
      const bool more = input_->fill();
      if (!in_member_) {
        if (!more) return 0;
        if (!start_member()) continue;
      }
      // Called without input too: output may be left in the engine.
      std::size_t used = 0;
      std::size_t made = 0;
      if (engine_.inflate(input_->rest(), buffer, used, made)) in_member_ = false;
      input_->use(used);
      if (made > 0) return made;
      if (in_member_ && !more) damaged("gzip", "unexpected EOF");
      if (in_member_ && used == 0) damaged("gzip", "corrupt input");
    }
  }

 private:
  /// Zeros behind the last member are padding; anything else must be a member.
  bool start_member() {
    if (members_ > 0 && input_->rest().front() == std::byte{0}) {
      const auto rest = input_->rest();
      const auto end = std::find_if(rest.begin(), rest.end(), [](std::byte byte) { return byte != std::byte{0}; });
      input_->use(static_cast<std::size_t>(end - rest.begin()));
      return false;
    }
    engine_.reset();
    in_member_ = true;
    ++members_;
    return true;
  }

  std::unique_ptr<Input> input_;
  Engine engine_;
  bool in_member_{};
  std::uint64_t members_{};
};

#ifdef GANTRY_ISAL
class InflateEngine {
 public:
  InflateEngine() : state_(std::make_unique<inflate_state>()) {}
  void reset() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }
  bool inflate(std::span<std::byte> in, std::span<std::byte> out, std::size_t& used, std::size_t& made) {
    state_->next_in = reinterpret_cast<std::uint8_t*>(in.data());
    state_->avail_in = static_cast<std::uint32_t>(in.size());
    state_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state_->avail_out = static_cast<std::uint32_t>(std::min(out.size(), std::size_t{1} << 30));
    const std::uint32_t room = state_->avail_out;
    const int result = isal_inflate(state_.get());
    if (result == ISAL_INCORRECT_CHECKSUM) damaged("gzip", "invalid checksum");
    if (result < 0) damaged("gzip", "corrupt input");
    used = in.size() - state_->avail_in;
    made = room - state_->avail_out;
    return state_->block_state == ISAL_BLOCK_FINISH;
  }

 private:
  std::unique_ptr<inflate_state> state_;
};
#else
class InflateEngine {
 public:
  InflateEngine() {
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw Error{Errc::exhausted, "no memory to inflate"};
  }
  ~InflateEngine() { inflateEnd(&stream_); }
  InflateEngine(const InflateEngine&) = delete;
  InflateEngine& operator=(const InflateEngine&) = delete;
  void reset() { inflateReset2(&stream_, 15 + 16); }
  bool inflate(std::span<std::byte> in, std::span<std::byte> out, std::size_t& used, std::size_t& made) {
    stream_.next_in = reinterpret_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min(out.size(), std::size_t{1} << 30));
    const uInt room = stream_.avail_out;
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) damaged("gzip", "corrupt input");
    used = in.size() - stream_.avail_in;
    made = room - stream_.avail_out;
    return result == Z_STREAM_END;
  }

 private:
  z_stream stream_{};
};
#endif

class ZstdReader final : public ByteSource {
 public:
  explicit ZstdReader(std::unique_ptr<Input> input) : input_(std::move(input)), stream_(ZSTD_createDStream()) {
    if (!stream_) throw Error{Errc::exhausted, "no memory to decompress zstd"};
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  }

  std::size_t read(std::span<std::byte> buffer) override {
    for (;;) {
      // Output may be left in the decoder although all input was used.
      if (!input_->fill() && !pending_) {
        if (in_frame_) damaged("zstd", "unexpected EOF");
        return 0;
      }
      const auto rest = input_->rest();
      ZSTD_inBuffer in{rest.data(), rest.size(), 0};
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      const std::size_t hint = ZSTD_decompressStream(stream_.get(), &out, &in);
      if (ZSTD_isError(hint) != 0U) damaged("zstd", ZSTD_getErrorName(hint));
      input_->use(in.pos);
      in_frame_ = hint != 0;
      pending_ = out.pos == out.size && hint != 0;
      if (out.pos > 0) return out.pos;
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<Input> input_;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool in_frame_{};
  bool pending_{};
};

}  // namespace

Compression detect_compression(std::span<const std::byte> start) noexcept {
  const auto begins_with = [&](std::initializer_list<unsigned> magic) {
    return start.size() >= magic.size() && std::equal(magic.begin(), magic.end(), start.begin(),
                                                      [](unsigned a, std::byte b) { return std::byte(a) == b; });
  };
  if (begins_with({0x1f, 0x8b})) return Compression::gzip;
  if (begins_with({0x28, 0xb5, 0x2f, 0xfd})) return Compression::zstd;
  return Compression::none;
}

std::unique_ptr<ByteSource> decompress(ByteSource& source) {
  auto input = std::make_unique<Input>(source);
  switch (detect_compression(input->peek())) {
    case Compression::gzip:
      return std::make_unique<GzipReader<InflateEngine>>(std::move(input));
    case Compression::zstd:
      return std::make_unique<ZstdReader>(std::move(input));
    case Compression::none:
      break;
  }
  return std::make_unique<PlainReader>(std::move(input));
}

#ifdef GANTRY_ISAL
/// ISA-L's slowest level: three times as fast as zlib's fastest, and smaller.
struct GzipSink::Stream {
  explicit Stream(ByteSink& to) : sink(to) {
    isal_deflate_init(&z);
    z.level = 3;
    z.level_buf = level_buffer.data();
    z.level_buf_size = static_cast<std::uint32_t>(level_buffer.size());
    z.gzip_flag = IGZIP_GZIP;
  }

  void run(std::span<const std::byte> in, bool last) {
    z.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(in.data()));
    z.avail_in = static_cast<std::uint32_t>(in.size());
    z.end_of_stream = last ? 1 : 0;
    do {
      z.next_out = reinterpret_cast<std::uint8_t*>(out.data());
      z.avail_out = static_cast<std::uint32_t>(out.size());
      if (isal_deflate(&z) != COMP_OK) throw Error{Errc::internal, "cannot compress a layer"};
      sink.write(std::span{out}.first(out.size() - z.avail_out));
    } while (z.avail_out == 0);
  }

  ByteSink& sink;
  isal_zstream z{};
  std::vector<std::uint8_t> level_buffer = std::vector<std::uint8_t>(ISAL_DEF_LVL3_DEFAULT);
  std::vector<std::byte> out = std::vector<std::byte>(std::size_t{128} << 10);
};
#else
struct GzipSink::Stream {
  explicit Stream(ByteSink& to) : sink(to) {
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw Error{Errc::exhausted, "no memory to compress"};
    }
  }
  ~Stream() { deflateEnd(&z); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void run(std::span<const std::byte> in, bool last) {
    z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    z.avail_in = static_cast<uInt>(in.size());
    do {
      z.next_out = reinterpret_cast<Bytef*>(out.data());
      z.avail_out = static_cast<uInt>(out.size());
      deflate(&z, last ? Z_FINISH : Z_NO_FLUSH);
      sink.write(std::span{out}.first(out.size() - z.avail_out));
    } while (z.avail_out == 0);
  }

  ByteSink& sink;
  z_stream z{};
  std::vector<std::byte> out = std::vector<std::byte>(std::size_t{128} << 10);
};
#endif

GzipSink::GzipSink(ByteSink& sink) : stream_(new Stream{sink}) {}

GzipSink::~GzipSink() = default;

void GzipSink::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), std::size_t{1} << 30));
    stream_->run(part, false);
    bytes = bytes.subspan(part.size());
  }
}

void GzipSink::finish() { stream_->run({}, true); }

}  // namespace gantry::images
