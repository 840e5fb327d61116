//! Mesa's driver RADV for a GPU that is not there: it compiles, and computes nothing.

use crate::Result;
use crate::spirv::Kernel;
use ash::{khr, vk};
use serde_json::{Map, Value, json};
use std::ffi::{CStr, c_char};

/// An open device of RADV.
pub struct Radv {
    /// Keeps the loader's library.
    _entry: ash::Entry,
    instance: ash::Instance,
    physical: vk::PhysicalDevice,
    device: ash::Device,
    executables: khr::pipeline_executable_properties::Device,
}

/// A kernel as RADV compiled it.
pub struct Compiled {
    /// The machine code as text.
    pub assembly: String,
    /// The compiler's figures by their names.
    pub statistics: Map<String, Value>,
}

impl Radv {
    /// Opens the only device of the driver, with the checks of buffers that wgpu asks for.
    pub fn open() -> Result<Self> {
        // SAFETY: the loader is a Vulkan loader, whose functions have the signatures of the specification.
        let entry = unsafe { ash::Entry::load() }
            .map_err(|error| format!("the Vulkan loader libvulkan.so.1 does not load: {error}"))?;
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
        let create = vk::InstanceCreateInfo::default().application_info(&application);
        // SAFETY: `create` and what it points to live through the call.
        let instance = unsafe { entry.create_instance(&create, None) }?;
        // SAFETY: the instance is open.
        let physical = unsafe { instance.enumerate_physical_devices() }?;
        let [physical] = physical[..] else {
            return Err(format!("{} devices where RADV alone should present one", physical.len()).into());
        };
        let priorities = [1.0];
        let queues = [vk::DeviceQueueCreateInfo::default().queue_priorities(&priorities)];
        let extensions =
            [khr::pipeline_executable_properties::NAME, ash::ext::robustness2::NAME].map(CStr::as_ptr);
        let features = vk::PhysicalDeviceFeatures::default().robust_buffer_access(true);
        let mut statistics = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default()
            .pipeline_executable_info(true);
        let mut robust = vk::PhysicalDeviceRobustness2FeaturesEXT::default()
            .robust_buffer_access2(true)
            .robust_image_access2(true);
        let create = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&extensions)
            .enabled_features(&features)
            .push_next(&mut statistics)
            .push_next(&mut robust);
        // SAFETY: `create` and what it points to live through the call.
        let device = unsafe { instance.create_device(physical, &create, None) }?;
        let executables = khr::pipeline_executable_properties::Device::new(&instance, &device);
        Ok(Radv { _entry: entry, instance, physical, device, executables })
    }

    /// Name of the device and of the driver.
    pub fn driver(&self) -> Value {
        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
        // SAFETY: the device is the instance's, and both structures live through the call.
        unsafe { self.instance.get_physical_device_properties2(self.physical, &mut properties) };
        let device = text(&properties.properties.device_name);
        json!({ "device": device, "driver": text(&driver.driver_info) })
    }

    /// Compiles a kernel, with the bindings of the engine's own pipelines.
    pub fn compile(&self, kernel: &Kernel) -> Result<Compiled> {
        let binding = |number, kind| {
            vk::DescriptorSetLayoutBinding::default()
                .binding(number)
                .descriptor_type(kind)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::COMPUTE)
        };
        let parameters = binding(0, vk::DescriptorType::UNIFORM_BUFFER_DYNAMIC);
        let storage =
            kernel.storage.iter().map(|&number| binding(number, vk::DescriptorType::STORAGE_BUFFER));
        let bindings: Vec<_> = std::iter::once(parameters).chain(storage).collect();
        let set = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
        let module = vk::ShaderModuleCreateInfo::default().code(&kernel.words);
        // SAFETY: the structures and what they point to live through each call, and naga has validated the
        // module. Nothing is destroyed: the process ends after its last kernel.
        unsafe {
            let sets = [self.device.create_descriptor_set_layout(&set, None)?];
            let layout = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
            let layout = self.device.create_pipeline_layout(&layout, None)?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(self.device.create_shader_module(&module, None)?)
                .name(c"main");
            let create = vk::ComputePipelineCreateInfo::default()
                .flags(
                    vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
                        | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR,
                )
                .stage(stage)
                .layout(layout);
            let pipelines = self.device.create_compute_pipelines(vk::PipelineCache::null(), &[create], None);
            let executable = vk::PipelineExecutableInfoKHR::default()
                .pipeline(pipelines.map_err(|(_, error)| error)?[0])
                .executable_index(0);
            Ok(Compiled { assembly: self.assembly(&executable)?, statistics: self.statistics(&executable)? })
        }
    }

    /// # Safety
    /// The pipeline of `executable` exists and captured its statistics.
    unsafe fn statistics(&self, executable: &vk::PipelineExecutableInfoKHR) -> Result<Map<String, Value>> {
        // SAFETY: the caller's promise.
        let statistics = unsafe { self.executables.get_pipeline_executable_statistics(executable) }?;
        let number = |statistic: &vk::PipelineExecutableStatisticKHR| match statistic.format {
            // SAFETY: the format says which of the numbers it holds.
            vk::PipelineExecutableStatisticFormatKHR::UINT64 => Ok(unsafe { statistic.value.u64 }),
            format => Err(format!("a figure of the unexpected format {format:?}")),
        };
        statistics.iter().map(|statistic| Ok((text(&statistic.name), number(statistic)?.into()))).collect()
    }

    /// # Safety
    /// The pipeline of `executable` exists and captured its internal representations.
    unsafe fn assembly(&self, executable: &vk::PipelineExecutableInfoKHR) -> Result<String> {
        // SAFETY: the caller's promise.
        let mut all =
            unsafe { self.executables.get_pipeline_executable_internal_representations(executable) }?;
        let mut texts: Vec<Vec<u8>> = all.iter().map(|one| vec![0; one.data_size]).collect();
        for (one, text) in all.iter_mut().zip(&mut texts) {
            one.p_data = text.as_mut_ptr().cast();
        }
        let mut count = all.len() as u32;
        let read = self.executables.fp().get_pipeline_executable_internal_representations_khr;
        // SAFETY: the caller's promise; `all` has `count` entries, each with a buffer of its size.
        unsafe { read(self.device.handle(), executable, &mut count, all.as_mut_ptr()) }.result()?;
        let found = all.iter().position(|one| text(&one.name) == "Assembly");
        let bytes = &texts[found.ok_or("RADV gives no assembly")?];
        Ok(CStr::from_bytes_until_nul(bytes)?.to_str()?.to_string())
    }
}

/// The text before the first zero.
fn text(bytes: &[c_char]) -> String {
    bytes.iter().take_while(|&&byte| byte != 0).map(|&byte| char::from(byte as u8)).collect()
}
