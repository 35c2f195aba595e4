#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// How the driver and the shim write their structs for each other: numbers as they lie in memory, everything else
/// behind its length. Both ends come from one build and run on one host.
namespace gantry::container_shim {

/// Turns structs into bytes, by their `fields(archive, value)`.
class Encoder {
 public:
  template <class... T>
  void operator()(T&... values) {
    (put(values), ...);
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void raw(const void* data, std::size_t size) { bytes_.append(static_cast<const char*>(data), size); }

  void length(std::size_t size) {
    const auto count = static_cast<std::uint32_t>(size);
    raw(&count, sizeof count);
  }

  void put(std::string& text) {
    length(text.size());
    raw(text.data(), text.size());
  }

  template <class T>
  void put(std::vector<T>& items) {
    length(items.size());
    for (T& item : items) put(item);
  }

  template <class T>
  void put(std::optional<T>& value) {
    bool present = value.has_value();
    put(present);
    if (present) put(*value);
  }

  template <class T>
  void put(T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      raw(&value, sizeof value);
    } else {
      fields(*this, value);
    }
  }

  std::string bytes_;
};

/// Turns bytes into structs. After a malformed field all further ones stay empty and `ok()` is false.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }

  [[nodiscard]] bool ok() const { return ok_; }

 private:
  bool raw(void* data, std::size_t size) {
    if (!ok_ || rest_.size() < size) return ok_ = false;
    std::memcpy(data, rest_.data(), size);
    rest_.remove_prefix(size);
    return true;
  }

  /// No item takes less than a byte, so a length that exceeds what is left is a lie.
  std::size_t length() {
    std::uint32_t count = 0;
    if (!raw(&count, sizeof count) || count > rest_.size()) {
      ok_ = false;
      return 0;
    }
    return count;
  }

  void get(std::string& text) {
    const std::size_t size = length();
    text.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }

  template <class T>
  void get(std::vector<T>& items) {
    items.resize(length());
    for (T& item : items) get(item);
  }

  template <class T>
  void get(std::optional<T>& value) {
    bool present = false;
    get(present);
    if (present) get(value.emplace());
  }

  template <class T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      unsigned char byte = 0;
      raw(&byte, 1);
      value = byte != 0;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      raw(&value, sizeof value);
    } else {
      fields(*this, value);
    }
  }

  std::string_view rest_;
  bool ok_ = true;
};

template <class T>
std::string encode(const T& value) {
  Encoder encoder;
  encoder(const_cast<T&>(value));
  return encoder.bytes();
}

template <class T>
[[nodiscard]] bool decode(std::string_view bytes, T& value) {
  Decoder decoder(bytes);
  decoder(value);
  return decoder.ok();
}

}  // namespace gantry::container_shim
