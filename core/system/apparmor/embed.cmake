# cmake -DIN=POLICY -DOUT=FILE.cpp -P embed.cmake: the compiled policy as an array.
file(READ "${IN}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE "${OUT}" "namespace gantry::system {
extern const unsigned char kDefaultPolicy[];
extern const unsigned long kDefaultPolicySize;
const unsigned char kDefaultPolicy[] = {${bytes}};
const unsigned long kDefaultPolicySize = sizeof kDefaultPolicy;
}  // namespace gantry::system
")
