//! SPIR-V as wgpu 30 makes it of the engine's kernels, on a device with Vulkan 1.3 and `robustBufferAccess2`.

use crate::Result;
use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// A kernel that a Vulkan driver can compile.
pub struct Kernel {
    /// The SPIR-V.
    pub words: Vec<u32>,
    /// Invocations of a workgroup.
    pub workgroup: [u32; 3],
    /// The numbers of its storage buffers. Number 0 is the parameters.
    pub storage: Vec<u32>,
}

impl Kernel {
    /// Translates a text of WGSL with the entry point `main`.
    pub fn new(text: &str) -> Result<Self> {
        let module = naga::front::wgsl::parse_str(text).map_err(|error| error.emit_to_string(text))?;
        let info = Validator::new(ValidationFlags::all(), Capabilities::all())
            .validate(&module)
            .map_err(|error| error.emit_to_string(text))?;
        let stage = naga::ShaderStage::Compute;
        let pipeline = spv::PipelineOptions { shader_stage: stage, entry_point: "main".into() };
        let constants = Default::default();
        let entry = Some((stage, "main"));
        let (module, info) =
            naga::back::pipeline_constants::process_overrides(&module, &info, entry, &constants)?;
        let words = spv::write_vec(&module, &info, &options(), Some(&pipeline))?;
        Ok(Kernel { words, workgroup: module.entry_points[0].workgroup_size, storage: storage(&module) })
    }

    /// The SPIR-V as a file holds it.
    pub fn bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// wgpu-hal/src/vulkan/adapter.rs says these for the device, and the engine's `Gpu::program` asks for no
/// bounds of loops and no zeros in workgroup memory. tools/rdna-model compares the result with wgpu's own.
fn options() -> spv::Options<'static> {
    spv::Options {
        lang_version: (1, 6),
        flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
        bounds_check_policies: BoundsCheckPolicies {
            index: BoundsCheckPolicy::Restrict,
            buffer: BoundsCheckPolicy::Unchecked,
            image_load: BoundsCheckPolicy::Unchecked,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        emit_int_div_checks: true,
        fake_missing_bindings: true,
        ..Default::default()
    }
}

/// The bindings of the module's storage buffers.
fn storage(module: &naga::Module) -> Vec<u32> {
    let globals = module.global_variables.iter().map(|(_, variable)| variable);
    let storage = globals.filter(|variable| matches!(variable.space, naga::AddressSpace::Storage { .. }));
    storage.filter_map(|variable| Some(variable.binding.as_ref()?.binding)).collect()
}
