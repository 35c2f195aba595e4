#include "api/frame_filter.hpp"

#include <algorithm>

namespace gantry::api {

std::string framed_output(std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::string out{1, 0, 0, 0};
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(size >> shift & 0xffU);
  return out.append(bytes);
}

void FrameFilter::take_header(std::string& out) {
  left_ = 0;
  for (std::size_t at = 4; at < header_.size(); ++at) left_ = left_ << 8U | static_cast<unsigned char>(header_[at]);
  passes_ = header_[0] == 2 ? wants_stderr_ : wants_stdout_;
  if (passes_ && framed_) out.append(header_.data(), header_.size());
  header_size_ = 0;
}

void FrameFilter::filter(std::string_view input, std::string& out) {
  while (!input.empty()) {
    if (left_ > 0) {
      const std::size_t size = std::min<std::size_t>(left_, input.size());
      if (passes_) out.append(input.substr(0, size));
      left_ -= static_cast<std::uint32_t>(size);
      input.remove_prefix(size);
      continue;
    }
    header_[header_size_++] = input.front();
    input.remove_prefix(1);
    if (header_size_ == header_.size()) take_header(out);
  }
}

}  // namespace gantry::api
