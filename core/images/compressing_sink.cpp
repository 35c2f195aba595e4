#include "images/compressing_sink.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <vector>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

constexpr std::size_t kOutput = std::size_t{128} << 10;

class PlainSink final : public CompressingSink {
 public:
  explicit PlainSink(ByteSink& to) : to_(to) {}
  void write(std::span<const std::byte> bytes) override { to_.write(bytes); }
  void finish() override {}

 private:
  ByteSink& to_;
};

/// The compression that pushes use.
class QuickGzip final : public CompressingSink {
 public:
  explicit QuickGzip(ByteSink& to) : gzip_(to) {}
  void write(std::span<const std::byte> bytes) override { gzip_.write(bytes); }
  void finish() override { gzip_.finish(); }

 private:
  GzipSink gzip_;
};

class LeveledGzip final : public CompressingSink {
 public:
  LeveledGzip(ByteSink& to, int level) : to_(to) {
    constexpr int kGzipFrame = 16;
    if (deflateInit2(&z_, level, Z_DEFLATED, MAX_WBITS + kGzipFrame, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw Error{Errc::exhausted, "no memory to compress"};
    }
  }
  ~LeveledGzip() override { deflateEnd(&z_); }
  LeveledGzip(const LeveledGzip&) = delete;
  LeveledGzip& operator=(const LeveledGzip&) = delete;

  void write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), std::size_t{1} << 30));
      run(part, Z_NO_FLUSH);
      bytes = bytes.subspan(part.size());
    }
  }
  void finish() override { run({}, Z_FINISH); }

 private:
  void run(std::span<const std::byte> in, int flush) {
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    z_.avail_in = static_cast<uInt>(in.size());
    do {
      z_.next_out = reinterpret_cast<Bytef*>(out_.data());
      z_.avail_out = static_cast<uInt>(out_.size());
      deflate(&z_, flush);
      to_.write(std::span{out_}.first(out_.size() - z_.avail_out));
    } while (z_.avail_out == 0);
  }

  ByteSink& to_;
  z_stream z_{};
  std::vector<std::byte> out_ = std::vector<std::byte>(kOutput);
};

class ZstdSink final : public CompressingSink {
 public:
  ZstdSink(ByteSink& to, int level) : to_(to), context_(ZSTD_createCCtx()) {
    if (context_ == nullptr) throw Error{Errc::exhausted, "no memory to compress"};
    check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level));
    // What is damaged is to be noticed by whoever unpacks it.
    check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1));
  }
  void write(std::span<const std::byte> bytes) override { run(bytes, ZSTD_e_continue); }
  void finish() override { run({}, ZSTD_e_end); }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  };

  static std::size_t check(std::size_t result) {
    if (ZSTD_isError(result) == 0) return result;
    throw Error{Errc::internal, std::string{"cannot compress a layer: "} + ZSTD_getErrorName(result)};
  }

  void run(std::span<const std::byte> bytes, ZSTD_EndDirective how) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (bool over = false; !over;) {
      ZSTD_outBuffer out{out_.data(), out_.size(), 0};
      const std::size_t left = check(ZSTD_compressStream2(context_.get(), &out, &in, how));
      to_.write(std::span{out_}.first(out.pos));
      over = how == ZSTD_e_end ? left == 0 : in.pos == in.size;
    }
  }

  ByteSink& to_;
  std::unique_ptr<ZSTD_CCtx, Free> context_;
  std::vector<std::byte> out_ = std::vector<std::byte>(kOutput);
};

}  // namespace

std::unique_ptr<CompressingSink> compressing_sink(ByteSink& sink, const LayerForm& form) {
  switch (form.compression) {
    case Compression::none:
      return std::make_unique<PlainSink>(sink);
    case Compression::zstd:
      return std::make_unique<ZstdSink>(sink, form.level.value_or(ZSTD_CLEVEL_DEFAULT));
    case Compression::gzip:
      break;
  }
  if (form.level) return std::make_unique<LeveledGzip>(sink, *form.level);
  return std::make_unique<QuickGzip>(sink);
}

}  // namespace gantry::images
