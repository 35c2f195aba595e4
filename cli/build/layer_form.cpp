#include "build/layer_form.hpp"

#include <charconv>

#include "command/failure.hpp"
#include "parse/text.hpp"

namespace gantry::cli {
namespace {

constexpr const char* kCompression = "compression";
constexpr const char* kLevel = "compression-level";
constexpr const char* kForce = "force-compression";

std::string value_in(const std::map<std::string, std::string>& attributes, const char* name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::string{} : found->second;
}

void check_level(const std::string& flag, const std::string& compression, const std::string& text) {
  const bool zstd = compression == "zstd";
  const int least = zstd ? 1 : 0;
  const int most = zstd ? 22 : 9;
  int level = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), level);
  if (error == std::errc{} && end == text.data() + text.size() && level >= least && level <= most) return;
  throw Failure(flag + ": invalid " + kLevel + " \"" + text + "\" of " + compression + ": use " +
                std::to_string(least) + " to " + std::to_string(most));
}

}  // namespace

bool LayerForm::is_attribute(const std::string& name) {
  return name == kCompression || name == kLevel || name == kForce;
}

void LayerForm::take(const std::string& flag, const std::map<std::string, std::string>& attributes) {
  LayerForm said;
  said.compression_ = value_in(attributes, kCompression);
  said.level_ = value_in(attributes, kLevel);
  const std::string force = value_in(attributes, kForce);
  said.every_ = !force.empty() && parse_truth(flag, kForce, force);
  if (said.compression_.empty() && said.level_.empty() && !said.every_) return;
  if (said.compression_.empty()) said.compression_ = "gzip";
  if (said.compression_ == "estargz") throw Failure(flag + ": compression=estargz is not supported: use gzip or zstd");
  if (said.compression_ != "gzip" && said.compression_ != "zstd" && !said.is_plain()) {
    throw Failure(flag + ": unknown compression \"" + said.compression_ + "\": use gzip, zstd or uncompressed");
  }
  if (!said.level_.empty() && said.is_plain())
    throw Failure(flag + ": " + kLevel + " has no meaning without a compression");
  if (!said.level_.empty()) check_level(flag, said.compression_, said.level_);
  const bool same = said.compression_ == compression_ && said.level_ == level_ && said.every_ == every_;
  if (!compression_.empty() && !same) {
    throw Failure(flag + ": the image's layers have one form, and " + said_by_ + " asks for another: " + kCompression +
                  ", " + kLevel + " and " + kForce + " must be the same everywhere");
  }
  said.said_by_ = flag;
  *this = said;
}

void LayerForm::add_to(Query& query) const {
  query.add_if(!compression_.empty(), kCompression, compression_).add_if(!level_.empty(), kLevel, level_);
  query.add_if(every_, kForce);
}

}  // namespace gantry::cli
