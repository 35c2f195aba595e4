# What every driver's shared object needs; used in this tree and by find_package(gantry-plugin) alike.
set(GANTRY_DRIVER_MAP "${CMAKE_CURRENT_LIST_DIR}/driver.map" CACHE INTERNAL "")

# Exports the one symbol, hides the rest, and keeps the file mapped for ever: an exception or an error category of a
# driver must not outlive its code.
function(gantry_driver_properties target)
  set_target_properties(${target} PROPERTIES PREFIX "" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                        LINK_DEPENDS "${GANTRY_DRIVER_MAP}")
  target_link_options(${target} PRIVATE "LINKER:--version-script=${GANTRY_DRIVER_MAP}" "LINKER:-z,nodelete"
                      "LINKER:-z,now" "LINKER:--no-undefined")
endfunction()

# gantry_add_driver(NAME SOURCES...): a driver of a third party, NAME.so.
function(gantry_add_driver name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE gantry::plugin-api)
  gantry_driver_properties(${name})
endfunction()
